import { createHash } from 'node:crypto';
import { corrupt } from './corrupt.ts';
import type { Descriptor } from './oci.ts';
import { streamOf } from './stream.ts';

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
