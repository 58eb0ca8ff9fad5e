import { corrupt } from './digest.ts';
import {
  type Descriptor,
  type ImageConfig,
  type Index,
  imageConfigSchema,
  indexSchema,
  type Manifest,
  manifestSchema,
} from './oci.ts';
import type { StoredManifest } from './store.ts';

export type Parsed =
  | { readonly kind: 'index'; readonly index: Index }
  | { readonly kind: 'manifest'; readonly manifest: Manifest };

/** What the bytes say that they are; `image_corrupt` where that is neither an index nor a manifest. */
export function parseManifest({ descriptor, bytes }: StoredManifest): Parsed {
  const json = parseJson(bytes, descriptor.digest);
  const index = indexSchema.safeParse(json);
  if (index.success) return { kind: 'index', index: index.data };
  const manifest = manifestSchema.safeParse(json);
  if (manifest.success) return { kind: 'manifest', manifest: manifest.data };
  throw corrupt(descriptor.digest, 'is neither an index nor a manifest of an image');
}

export function parseConfig(bytes: Uint8Array, digest: string): ImageConfig {
  const config = imageConfigSchema.safeParse(parseJson(bytes, digest));
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
  const artifactType = one.artifactType ?? ('config' in one ? (one as Manifest).config.mediaType : undefined);
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

function parseJson(bytes: Uint8Array, digest: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    throw corrupt(digest, 'is not JSON', error);
  }
}
