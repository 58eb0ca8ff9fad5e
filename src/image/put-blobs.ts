import { orAbort } from '../core/or-abort.ts';
import type { EmitImage } from './image-event.ts';
import type { BlobContent, ImageWriter } from './store.ts';

const atOnce = 4;

/**
 * Writes blobs, each digest once, and waits until it may go on. The first failure ends the others and is
 * thrown when they have ended.
 */
export async function putBlobs({
  blobs,
  to,
  mayPublish,
  emit,
  signal,
}: {
  readonly blobs: readonly BlobContent[];
  readonly to: ImageWriter;
  readonly mayPublish?: Promise<unknown> | undefined;
  readonly emit: EmitImage;
  readonly signal: AbortSignal;
}): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  let first: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    first ??= { error };
    failure.abort(error);
  };

  const waiting = [...new Map(blobs.map((blob) => [blob.descriptor.digest, blob])).values()];
  const work = async () => {
    for (let blob = waiting.shift(); blob !== undefined && !either.aborted; blob = waiting.shift()) {
      const { digest, size } = blob.descriptor;
      emit({ kind: 'writing', digest, size });
      emit({ kind: 'written', digest, size, how: await to.putBlob(blob, either) });
    }
  };
  const mayGoOn = mayPublish?.catch(fail);
  await Promise.all(Array.from({ length: atOnce }, () => work().catch(fail)));
  if (!first && mayGoOn) await orAbort(mayGoOn, signal);
  signal.throwIfAborted();
  if (first) throw first.error;
}
