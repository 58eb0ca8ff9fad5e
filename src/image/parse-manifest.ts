import { z } from 'zod';
import { corrupt } from './corrupt.ts';
import {
  type Descriptor,
  type ImageConfig,
  type Index,
  imageConfigSchema,
  indexSchema,
  type Manifest,
  manifestSchema,
  mediaTypes,
} from './oci.ts';
import { parseJson } from './parse-json.ts';
import type { StoredManifest } from './store.ts';

export type Parsed =
  | { readonly kind: 'index'; readonly index: Index }
  | { readonly kind: 'manifest'; readonly manifest: Manifest };

/**
 * What the bytes say that they are. `image_corrupt` where that is neither an index nor a manifest, or can be taken
 * for either: then two readers could see two images under one digest (CVE-2021-41190).
 */
export function parseManifest({ descriptor: { digest, mediaType: told }, bytes }: StoredManifest): Parsed {
  const json = parseJsonOf(bytes, digest);
  const parsed = parseShape(json);
  if (!parsed) throw corrupt(digest, 'is neither an index nor a manifest of an image');
  if (parsed.kind === 'index' && ('config' in parsed.index || 'layers' in parsed.index)) {
    throw corrupt(digest, 'is both an index and a manifest of an image');
  }
  const { mediaType: own } = parsed.kind === 'index' ? parsed.index : parsed.manifest;
  if (own !== undefined && !typesOf[parsed.kind].includes(own)) {
    throw corrupt(digest, `says that it is a ${own}, and has the shape of an OCI ${parsed.kind}`);
  }
  if (typesOf[parsed.kind === 'index' ? 'manifest' : 'index'].includes(told)) {
    throw corrupt(digest, `is said to be a ${told}, and has the shape of an OCI ${parsed.kind}`);
  }
  return parsed;
}

const typesOf: Readonly<Record<Parsed['kind'], readonly string[]>> = {
  index: [mediaTypes.index, mediaTypes.dockerIndex],
  manifest: [mediaTypes.manifest, mediaTypes.dockerManifest],
};

function parseShape(json: unknown): Parsed | undefined {
  const index = indexSchema.safeParse(json).data;
  if (index) return { kind: 'index', index };
  const manifest = manifestSchema.safeParse(json).data;
  return manifest && { kind: 'manifest', manifest };
}

const typedSchema = z.looseObject({ mediaType: z.string().optional(), manifests: z.unknown().optional() });

/** The type that a manifest or index gives itself; else the one that it was `told` to have; else its shape's. */
export function mediaTypeOf(bytes: Uint8Array, name: string, told?: string): string {
  const { data } = typedSchema.safeParse(parseJson(bytes));
  if (data === undefined) throw corrupt(name, 'is no JSON object');
  return data.mediaType ?? told ?? (data.manifests === undefined ? mediaTypes.manifest : mediaTypes.index);
}

export function parseConfig(bytes: Uint8Array, digest: string): ImageConfig {
  const config = imageConfigSchema.safeParse(parseJsonOf(bytes, digest));
  if (config.success) return config.data;
  const [issue] = config.error.issues;
  throw corrupt(digest, `is not the config of an image: ${issue?.path.join('.')} ${issue?.message}`);
}

/** How a list of referrers names what has a subject; none where it has none. */
export function attachedTo(
  stored: StoredManifest,
): { readonly descriptor: Descriptor; readonly subject: string } | undefined {
  const parsed = parseManifest(stored);
  const one = parsed.kind === 'index' ? parsed.index : parsed.manifest;
  if (!one.subject) return undefined;
  const { mediaType, digest, size } = stored.descriptor;
  const ofConfig = parsed.kind === 'manifest' ? parsed.manifest.config.mediaType : undefined;
  const artifactType = one.artifactType ?? ofConfig;
  return {
    subject: one.subject.digest,
    descriptor: {
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(one.annotations === undefined ? {} : { annotations: one.annotations }),
    },
  };
}

/** `linux/amd64`, `linux/arm64/v8` */
export function platformName({
  os,
  architecture,
  variant,
}: {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}): string {
  return variant === undefined || variant === ''
    ? `${os}/${architecture}`
    : `${os}/${architecture}/${variant}`;
}

/** Whether what is for `found` runs on `wanted`; every arm64 that Linux runs on is a v8. */
export function fits(found: Parameters<typeof platformName>[0], wanted: string): boolean {
  return platformName(found).replace(/^linux\/arm64\/v8$/, 'linux/arm64') === wanted;
}

function parseJsonOf(bytes: Uint8Array, digest: string): unknown {
  const json = parseJson(bytes);
  if (json === undefined) throw corrupt(digest, 'is not JSON');
  return json;
}
