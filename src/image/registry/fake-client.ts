import type { ImageEvent } from '../image-event.ts';
import type { Descriptor } from '../oci.ts';
import { mediaTypes } from '../oci.ts';
import type { ImageWriter, StoredManifest } from '../store.ts';
import type { Credentials } from './credentials.ts';
import { digestOf, type FakeRegistry } from './fake-registry.ts';
import { openRepository, type RepositoryOptions } from './repository.ts';

export interface Client {
  readonly repository: ImageWriter;
  readonly events: ImageEvent[];
  /** What it paused for. */
  readonly pauses: number[];
}

/** A repository of the registry, entered by one who does not wait, and notes what happened. */
export function clientOf(
  registry: Pick<FakeRegistry, 'host'>,
  options: Partial<Omit<RepositoryOptions, 'reference'>> & { readonly name?: string } = {},
): Client {
  const events: ImageEvent[] = [];
  const pauses: number[] = [];
  const { name = 'team/shop', credentials = anyone, ...others } = options;
  const repository = openRepository({
    reference: { host: registry.host, repository: name },
    credentials,
    emit: (event) => events.push(event),
    pause: async (ms) => void pauses.push(ms),
    ...others,
  });
  return { repository, events, pauses };
}

const anyone: Credentials = async () => undefined;

export function manifestOf(content: object = {}): StoredManifest {
  const empty = { mediaType: mediaTypes.empty, digest: digestOf(Buffer.from('{}')), size: 2 };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: empty,
      layers: [],
      ...content,
    }),
  );
  return { descriptor: descriptorOf(bytes, mediaTypes.manifest), bytes };
}

export function descriptorOf(bytes: Uint8Array, mediaType: string = mediaTypes.gzipLayer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

export function failureOf(act: Promise<unknown>): Promise<unknown> {
  return act.then(
    () => undefined,
    (error: unknown) => error,
  );
}
