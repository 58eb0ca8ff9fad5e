import type { EmitImage } from '../image-event.ts';
import type { ImageWriter } from '../store.ts';
import { Connection } from './connection.ts';
import type { Credentials } from './credentials.ts';
import type { Fetch } from './exchange.ts';
import { fetchManifest } from './manifests.ts';
import { readBlob } from './read-blob.ts';
import type { Reference } from './reference.ts';
import { readReferrers, writeAttached } from './referrers.ts';
import type { Pause } from './tries.ts';
import { writeBlob } from './write-blob.ts';

export interface RepositoryOptions {
  /** Its tag and digest do not matter here. */
  readonly reference: Pick<Reference, 'host' | 'repository'>;
  readonly credentials: Credentials;
  readonly emit: EmitImage;
  readonly fetch?: Fetch | undefined;
  /** Waits before another try. */
  readonly pause?: Pause;
  /** How long the registry may say nothing, or a body stand still. */
  readonly patienceMs?: number;
}

const usualPatienceMs = 30_000;

/**
 * A repository of a registry, spoken to as the OCI distribution specification 1.1 says; without TLS on this
 * machine alone.
 */
export function openRepository({
  reference,
  credentials,
  emit,
  fetch = globalThis.fetch,
  pause,
  patienceMs = usualPatienceMs,
}: RepositoryOptions): ImageWriter {
  const connection = new Connection({ reference, credentials, emit, fetch, pause, patienceMs });
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (act: () => Promise<void>) => {
    const done = last.then(act);
    last = done.catch(() => undefined);
    return done;
  };
  return {
    name: connection.name,
    manifest: (wanted, signal) => fetchManifest(connection, wanted, signal),
    blob: (descriptor, signal) => readBlob(connection, descriptor, signal),
    referrers: (digest, signal) => readReferrers(connection, digest, signal),
    putBlob: (content, signal) => writeBlob(connection, content, signal),
    putManifest: (manifest, tag, signal) => writeAttached({ connection, manifest, tag, inTurn, signal }),
  };
}
