import { defaultBase } from '../core/config/image.ts';
import type { Config } from '../core/config.ts';
import { UserError } from '../core/errors.ts';
import { type Built, buildArtifact } from './artifact.ts';
import { type BlobCache, openBlobCache } from './blob-cache.ts';
import { buildImage } from './build-image.ts';
import type { Image } from './image.ts';
import type { EmitImage } from './image-event.ts';
import { dockerCredentials } from './registry/credentials.ts';
import type { Fetch } from './registry/exchange.ts';

/** The image that a working tree makes. */
export interface TreeImage {
  readonly image: Image;
  readonly built: Built;
  readonly runtime: 'bun' | 'none';
  readonly cache: BlobCache;
}

export interface TreeImageOptions {
  readonly config: Pick<Config, 'service' | 'image'>;
  /** The config's. */
  readonly folder: string;
  /** Causeway's own. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the digest of a base that was looked up is noted in the lock file. Default: true. */
  readonly notesBase?: boolean;
  readonly fetch?: Fetch;
  readonly emit: EmitImage;
  readonly signal: AbortSignal;
}

export async function buildTreeImage({ config, folder, ...world }: TreeImageOptions): Promise<TreeImage> {
  const { service, image: settings } = config;
  const { env } = world;
  const runtime = runtimeOf(config);
  if (runtime === 'none') refuseDefaultBase(config);
  const cache = openBlobCache(env);
  const built = await buildArtifact({ service, folder });
  const { artifact, command } = built;
  const image = await buildImage({
    ...world,
    artifact,
    command,
    port: service.port,
    settings,
    runtime,
    folder,
    cache,
    credentials: dockerCredentials({ env }),
  });
  return { image, built, runtime, cache };
}

/** The default base holds no program: neither an interpreter nor a shell. A program of the service's own runs on it. */
function refuseDefaultBase({ service, image }: TreeImageOptions['config']): void {
  const [program = ''] = service.command ?? [];
  if (image.base !== defaultBase || program === '' || program.includes('/')) return;
  throw new UserError({
    code: 'config_wrong',
    message: `image.base is missing: service.command starts ${program}, which the default base does not have`,
    hint: 'a service with files brings its runtime with its base: docs/config.md#imagebase; ./<file> starts a program among the files',
  });
}

/** The layer between base and service: Bun for what is bundled, unless the config says otherwise. */
export function runtimeOf({ service, image }: TreeImageOptions['config']): 'bun' | 'none' {
  return image.runtime ?? (service.entry === undefined ? 'none' : 'bun');
}
