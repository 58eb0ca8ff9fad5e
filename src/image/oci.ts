import { z } from 'zod';

// The parts of the OCI image specification 1.1 that Causeway reads and writes:
// https://github.com/opencontainers/image-spec

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  gzipLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstdLayer: 'application/vnd.oci.image.layer.v1.tar+zstd',
  empty: 'application/vnd.oci.empty.v1+json',
  /** What registries held before OCI, and many bases still are. */
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const annotationsSchema = z.record(z.string(), z.string()).optional();

const ociPlatformSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
});

export const descriptorSchema = z.looseObject({
  mediaType: z.string(),
  digest: digestSchema,
  /** In bytes. */
  size: z.int().min(0),
  artifactType: z.string().optional(),
  annotations: annotationsSchema,
  platform: ociPlatformSchema.optional(),
});
/** Names content by its digest. */
export type Descriptor = Readonly<z.infer<typeof descriptorSchema>>;

export const indexSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  manifests: z.array(descriptorSchema),
  subject: descriptorSchema.optional(),
  annotations: annotationsSchema,
});
/** The manifests of one image, a platform each; or, in a layout and as a list of referrers, of many. */
export type Index = Readonly<z.infer<typeof indexSchema>>;

export const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
  /** What this one is attached to. */
  subject: descriptorSchema.optional(),
  annotations: annotationsSchema,
});
/** An image of one platform, or something attached to an image. */
export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

const runConfigSchema = z.looseObject({
  User: z.string().nullish(),
  Env: z.array(z.string()).nullish(),
  Entrypoint: z.array(z.string()).nullish(),
  Cmd: z.array(z.string()).nullish(),
  WorkingDir: z.string().nullish(),
  ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
});

export const imageConfigSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  created: z.string().optional(),
  config: runConfigSchema.optional(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digestSchema) }),
  history: z.array(z.looseObject({ empty_layer: z.boolean().optional() })).optional(),
});
/** How an image of one platform is run, and the digests of its uncompressed layers. */
export type ImageConfig = Readonly<z.infer<typeof imageConfigSchema>>;
