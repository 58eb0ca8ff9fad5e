import { createHash } from 'node:crypto';
import { UserError } from '../core/errors.ts';
import type { Descriptor } from './oci.ts';

/** `sha256:…` of bytes or text. */
export function sha256(content: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Without `sha256:`, as it is part of paths. */
export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The same bytes. They fail with `image_corrupt` at the end at the latest, if they do not fit the descriptor. */
export function verified(
  source: AsyncIterable<Uint8Array>,
  expected: Pick<Descriptor, 'digest' | 'size'>,
  what: string,
): ReadableStream<Uint8Array> {
  return streamOf(verify(source, expected, what));
}

async function* verify(
  source: AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.byteLength;
    if (seen > size) throw corrupt(what, `is longer than the ${size} bytes that ${digest} has`);
    hash.update(chunk);
    yield chunk;
  }
  if (seen < size) throw corrupt(what, `ends after ${seen} of the ${size} bytes that ${digest} has`);
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== digest) throw corrupt(what, `is ${found}, and should be ${digest}`);
}

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

/** The whole content; more than `limit` bytes are refused. */
export async function readAll(
  source: AsyncIterable<Uint8Array>,
  what: string,
  limit = 16 * 1024 * 1024,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > limit) throw corrupt(what, `is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function corrupt(what: string, trouble: string, cause?: unknown): UserError {
  return new UserError({
    code: 'image_corrupt',
    message: `${what} ${trouble}`,
    hint: 'get it again from where it came from; nothing of it was used',
    cause,
  });
}
