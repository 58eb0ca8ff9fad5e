import { join } from 'node:path';
import { packTar } from 'modern-tar';
import type { Platform } from '../core/platform.ts';
import { type BlobCache, openBlobCache } from './blob-cache.ts';
import { buildImage } from './build-image.ts';
import { sha256 } from './digest.ts';
import type { Image } from './image.ts';
import type { EmitImage } from './image-event.ts';

export interface FakeImage {
  /** The config's; a base lies in `base` there. */
  readonly folder: string;
  readonly base?: string;
  readonly platforms?: readonly Platform[];
  readonly cache?: BlobCache;
  readonly text?: string;
  /** With Bun as this small Causeway brings it. */
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly emit?: EmitImage;
}

/** Builds an image of a small service. */
export async function makeImage({
  folder,
  base = 'oci:base',
  platforms = ['linux/amd64', 'linux/arm64'],
  cache = openBlobCache({ XDG_CACHE_HOME: join(folder, 'cache') }),
  text = 'serve()',
  home,
  env = {},
  emit = () => undefined,
}: FakeImage): Promise<Image> {
  const tar = await packTar([
    { header: { name: 'app/main.js', size: text.length, type: 'file', mtime: new Date(0) }, body: text },
  ]);
  return buildImage({
    artifact: { digest: sha256(tar), tar },
    command: ['bun', 'main.js'],
    port: 8080,
    settings: { base, platforms: [...platforms] },
    runtime: home === undefined ? 'none' : 'bun',
    folder,
    home: home ?? folder,
    cache,
    env,
    credentials: async () => undefined,
    emit,
    signal: new AbortController().signal,
  });
}
