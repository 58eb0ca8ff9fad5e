import { realpath } from 'node:fs/promises';
import type { Config } from '../../core/config.ts';
import { buildArtifact } from '../../image/artifact.ts';
import { openBlobCache } from '../../image/blob-cache.ts';
import { buildImage } from '../../image/build-image.ts';
import type { EmitImage } from '../../image/image-event.ts';
import { type Credentials, dockerCredentials } from '../../image/registry/credentials.ts';
import type { Fetch } from '../../image/registry/exchange.ts';
import { parseReference, showReference } from '../../image/registry/reference.ts';
import { openRepository } from '../../image/registry/repository.ts';
import { writeImage } from '../../image/write-image.ts';

export interface PublishAgentOptions {
  readonly config: Pick<Config, 'image'>;
  /** The config's. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Causeway's own, in which the agent's sources lie. */
  readonly home: string;
  /** Where the service's image is pulled from: `registry.example.com/team/shop`. */
  readonly repository: string;
  /** What that is entered with. Default: what docker would use. */
  readonly credentials?: Credentials;
  readonly fetch?: Fetch;
  readonly emit?: EmitImage;
  readonly signal: AbortSignal;
}

/** The tag under which it is seen; it is pulled by its digest. */
const agentTag = 'causeway-agent';
const entry = 'agent/main.ts';
/** Every image names one; the agent listens nowhere. */
const port = 8080;

/**
 * Builds the agent on the base that the service's image has, and puts it beside that in its repository; nothing is sent
 * where it is there already. Its reference by digest.
 */
export async function publishAgent({
  config,
  folder,
  env,
  home,
  repository,
  credentials = dockerCredentials({ env }),
  fetch,
  emit = () => undefined,
  signal,
}: PublishAgentOptions): Promise<string> {
  const { host, repository: path } = parseReference(repository);
  const reference = { host, repository: path };
  const { artifact, command } = await buildArtifact({ service: { entry }, folder: await realpath(home) });
  const image = await buildImage({
    artifact,
    command,
    port,
    settings: config.image,
    runtime: 'bun',
    folder,
    // The service's own build does that.
    notesBase: false,
    home,
    cache: openBlobCache(env),
    env,
    credentials,
    fetch,
    emit,
    signal,
  });
  const to = openRepository({ reference, credentials, emit, fetch });
  if (!(await to.manifest(image.digest, signal))) {
    await writeImage({ image, to, tag: agentTag, emit, signal });
  }
  return showReference({ ...reference, digest: image.digest });
}
