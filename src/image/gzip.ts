import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { wordsOf } from '../core/words-of.ts';
import { corrupt } from './corrupt.ts';
import { streamOf } from './stream.ts';

/** Names the bytes that `compress` makes: another level, or another libdeflate, may make others. */
export const gzipFormat = `libdeflate-6-4m-bun-${Bun.version}`;

const memberSize = 4 * 1024 * 1024;

/**
 * Compresses to gzip members of 4 MiB each, so that it needs little memory. libdeflate gives the same bytes
 * on every processor, which zlib does not. docs/decisions/0012-gzip-in-members.md
 */
export async function* compress(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const member = new Uint8Array(memberSize);
  let filled = 0;
  let isEmpty = true;
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.byteLength; ) {
      const part = chunk.subarray(taken, taken + memberSize - filled);
      member.set(part, filled);
      filled += part.byteLength;
      taken += part.byteLength;
      if (filled < memberSize) continue;
      yield compressMember(member);
      // What a member leaves behind is large, and known to the collector as small: 40 MB less at the peak.
      Bun.gc(true);
      filled = 0;
      isEmpty = false;
    }
  }
  if (filled > 0 || isEmpty) yield compressMember(member.subarray(0, filled));
}

function compressMember(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  return Bun.gzipSync(bytes, { library: 'libdeflate', level: 6 });
}

/** A layer's bytes without compression, as its media type says: gzip, zstd or none. `what` names it in errors. */
export function decompress(
  source: AsyncIterable<Uint8Array>,
  mediaType: string,
  what: string,
): ReadableStream<Uint8Array> {
  return streamOf(inflate(source, mediaType, what));
}

async function* inflate(
  source: AsyncIterable<Uint8Array>,
  mediaType: string,
  what: string,
): AsyncGenerator<Uint8Array> {
  const isGzip = /[.+]gzip$/.test(mediaType);
  const isZstd = /[.+]zstd$/.test(mediaType);
  if (!isGzip && !isZstd) return yield* source;
  const decoder = isGzip ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  let failed: unknown;
  const compressed = Readable.from(source, { objectMode: false, highWaterMark: chunkSize });
  compressed.on('error', (error) => {
    failed = error;
    decoder.destroy(error);
  });
  compressed.pipe(decoder);
  try {
    yield* decoder;
  } catch (error) {
    throw failed ?? corrupt(what, `does not decompress: ${wordsOf(error)}`, error);
  } finally {
    compressed.destroy();
    decoder.destroy();
  }
}

const chunkSize = 64 * 1024;
