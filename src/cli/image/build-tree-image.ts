import type { Config } from '../../core/config.ts';
import { type Built, buildArtifact } from '../../image/artifact.ts';
import { type BlobCache, openBlobCache } from '../../image/blob-cache.ts';
import { buildImage } from '../../image/build-image.ts';
import type { Image } from '../../image/image.ts';
import type { EmitImage } from '../../image/image-event.ts';
import { dockerCredentials } from '../../image/registry/credentials.ts';
import type { Io } from '../io.ts';

/** The image that a working tree makes. */
export interface TreeImage {
  readonly image: Image;
  readonly built: Built;
  readonly runtime: 'bun' | 'none';
  readonly cache: BlobCache;
}

export interface TreeImageOptions {
  readonly config: Pick<Config, 'service' | 'image'>;
  readonly folder: string;
  readonly emit: EmitImage;
}

export async function buildTreeImage(
  { config, folder, emit }: TreeImageOptions,
  io: Pick<Io, 'env' | 'home' | 'signal'>,
): Promise<TreeImage> {
  const { service, image: settings } = config;
  const { env, home, signal } = io;
  const runtime = settings.runtime ?? (service.entry === undefined ? 'none' : 'bun');
  const cache = openBlobCache(env);
  const built = await buildArtifact({ service, folder });
  const { artifact, command } = built;
  const image = await buildImage({
    artifact,
    command,
    port: service.port,
    settings,
    runtime,
    folder,
    home,
    cache,
    env,
    credentials: dockerCredentials({ env }),
    emit,
    signal,
  });
  return { image, built, runtime, cache };
}
