import { corrupt } from './corrupt.ts';

/** A stream that is read on as it is wanted, and closes the generator when it is cancelled. */
export function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The whole content; more than `limit` bytes throw `image_corrupt`. */
export async function readAll(
  source: AsyncIterable<Uint8Array>,
  what: string,
  limit = 16 * 1024 * 1024,
): Promise<Uint8Array> {
  const bytes = await readUpTo(source, limit);
  if (bytes === undefined) throw corrupt(what, `is longer than ${limit} bytes`);
  return bytes;
}

/** The whole content; undefined where it has more than `limit` bytes. */
export async function readUpTo(
  source: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
