import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BlobCache } from './blob-cache.ts';
import { compress, gzipFormat } from './gzip.ts';
import type { ImageLayer } from './image.ts';
import type { EmitImage } from './image-event.ts';
import { digestSchema, mediaTypes } from './oci.ts';

const noteSchema = z.strictObject({ diffId: digestSchema, digest: digestSchema, size: z.int().min(0) });

/**
 * A compressed layer of Causeway's own. What it is made from is known by `note`, so that a second build reads
 * a few bytes; the layer itself is made anew when it is wanted and is no longer in the cache.
 */
export async function cachedLayer({
  role,
  note,
  what,
  pack,
  cache,
  emit,
  signal,
}: {
  readonly role: ImageLayer['role'];
  readonly note: string;
  readonly what: string;
  /** The uncompressed layer; the same bytes each time. */
  pack(signal: AbortSignal): AsyncIterable<Uint8Array>;
  readonly cache: BlobCache;
  readonly emit: EmitImage;
  readonly signal: AbortSignal;
}): Promise<ImageLayer> {
  const name = `${gzipFormat} ${note}`;
  const make = async (inner: AbortSignal) => {
    emit({ kind: 'packing', what, role });
    const hash = createHash('sha256');
    const { digest, size, path } = await cache.write(compress(hashed(pack(inner), hash)), inner);
    const made = { diffId: `sha256:${hash.digest('hex')}`, digest, size };
    await cache.writeNote(name, made);
    return { ...made, path };
  };

  const noted = noteSchema.safeParse(await cache.readNote(name)).data;
  const { diffId, digest, size } = noted ?? (await make(signal));
  const descriptor = { mediaType: mediaTypes.gzipLayer, digest, size };
  const open = async (inner: AbortSignal) => {
    const found = await cache.find(descriptor, inner);
    if (found !== undefined) return { path: found };
    const made = await make(inner);
    if (made.digest !== digest) throw new Error(`${what} was ${digest}, and is ${made.digest} now`);
    return { path: made.path };
  };
  return { role, descriptor, diffId, content: { descriptor, open } };
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}
