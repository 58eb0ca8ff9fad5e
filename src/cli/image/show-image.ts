import { shortId } from '../../core/release.ts';
import type { Image, PlatformImage } from '../../image/image.ts';
import type { Board } from '../terminal/board.ts';
import { showBytes } from './show-bytes.ts';

/** `image    3b1f0c9  linux/amd64, linux/arm64`, and what each is made of below it. */
export function sayImage(board: Board, image: Image): void {
  board.say({ label: 'image', text: describeImage(image) });
  for (const platform of image.platforms) board.below(describePlatform(platform));
}

function describeImage({ digest, platforms }: Image): string {
  return `${shortId(digest)}  ${platforms.map(({ platform }) => platform).join(', ')}`;
}

/** Compressed sizes, by what the layers are for. */
export function sizesOf({ layers }: PlatformImage): Readonly<Record<'base' | 'runtime' | 'app', number>> {
  const sizes = { base: 0, runtime: 0, app: 0 };
  for (const { role, descriptor } of layers) sizes[role] += descriptor.size;
  return sizes;
}

function describePlatform(image: PlatformImage): string {
  const { base, runtime, app } = sizesOf(image);
  const parts = [
    `base ${showBytes(base)}`,
    ...(runtime > 0 ? [`bun ${showBytes(runtime)}`] : []),
    `app ${showBytes(app)}`,
  ];
  return `${image.platform}  ${parts.join(' + ')}`;
}
