import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { Descriptor } from './oci.ts';
import { fits, platformName } from './parse-manifest.ts';
import type { ImageReader, StoredManifest } from './store.ts';

/** One that has to be there. */
export async function readManifest(
  from: ImageReader,
  digest: string,
  signal: AbortSignal,
): Promise<StoredManifest> {
  const stored = await from.manifest(digest, signal);
  if (stored) return stored;
  throw new UserError({
    code: 'image_not_found',
    message: `${from.name} has no ${digest}`,
    hint: 'name an image that is there, or push it there first',
  });
}

/** The one of an index's manifests that is for the platform. */
export function choosePlatform(
  manifests: readonly Descriptor[],
  platform: Platform,
  from: ImageReader,
): Descriptor {
  const found = manifests.find((one) => one.platform && fits(one.platform, platform));
  if (found) return found;
  const has = manifests.flatMap((one) => (one.platform ? [platformName(one.platform)] : []));
  throw new UserError({
    code: 'image_not_found',
    message: `the image in ${from.name} has nothing for ${platform}; it has ${has.join(', ') || 'none at all'}`,
    hint: `build it for that platform: image.platforms: ['${platform}', …]`,
  });
}
