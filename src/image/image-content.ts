import type { ImageContent } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import { shortId } from '../core/release.ts';
import type { Image } from './image.ts';
import type { EmitImage } from './image-event.ts';
import { openLayout } from './layout.ts';
import type { ImageReader } from './store.ts';
import { copyImage, writeImage } from './write-image.ts';

/** An image that was built here, as an environment takes it. */
export function builtContent(image: Image, emit: EmitImage): ImageContent {
  return {
    digest: image.digest,
    async copyTo(folder, signal, platform) {
      const part = onlyPlatform(image, platform);
      await writeImage({
        image: part,
        to: openLayout(folder, { create: true, isPrivate: true }),
        emit,
        signal,
      });
    },
  };
}

/** An image that lies elsewhere, as an environment takes it. */
export function storedContent(from: ImageReader, digest: string, emit: EmitImage): ImageContent {
  return {
    digest,
    async copyTo(folder, signal, platform) {
      await copyImage({
        from,
        digest,
        to: openLayout(folder, { create: true, isPrivate: true }),
        platform,
        emit,
        signal,
      });
    },
  };
}

/** The same image with the contents of one platform alone: its digest stays. */
export function onlyPlatform(image: Image, platform: Platform | undefined): Image {
  if (platform === undefined) return image;
  const platforms = image.platforms.filter((one) => one.platform === platform);
  if (platforms.length > 0) return { ...image, platforms };
  const has = image.platforms.map((one) => one.platform).join(', ');
  throw new UserError({
    code: 'image_not_found',
    message: `the image ${shortId(image.digest)} has no ${platform}; it has ${has}`,
    hint: `add '${platform}' to image.platforms in the config`,
  });
}
