import { streamOf } from './digest.ts';

export interface StreamedFile {
  /** At most 100 bytes. */
  readonly path: string;
  readonly size: number;
  readonly isExecutable: boolean;
  open(): Promise<AsyncIterable<Uint8Array>> | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A tar of files that need not be in memory. Its bytes depend on nothing but paths, contents and executable bits. */
export function packStream(files: readonly StreamedFile[]): ReadableStream<Uint8Array> {
  return streamOf(pack(files));
}

const blockSize = 512;

async function* pack(files: readonly StreamedFile[]): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    yield headerOf(file);
    let seen = 0;
    for await (const chunk of await file.open()) {
      seen += chunk.byteLength;
      yield chunk;
    }
    if (seen !== file.size) throw new Error(`${file.path} has ${seen} bytes, and was to have ${file.size}`);
    const rest = file.size % blockSize;
    if (rest > 0) yield new Uint8Array(blockSize - rest);
  }
  yield new Uint8Array(2 * blockSize);
}

// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "ustar Interchange Format"
const fields = { mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, checksum: 148, type: 156, magic: 257 };

function headerOf({ path, size, isExecutable }: StreamedFile): Uint8Array {
  const name = Buffer.from(path);
  if (name.byteLength > fields.mode) throw new Error(`${path} is too long for a tar header`);
  if (size >= 8 ** 11) throw new Error(`${path} is too large for a tar header`);
  const header = Buffer.alloc(blockSize);
  name.copy(header);
  const octal = (value: number, digits: number, at: number) =>
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at);
  octal(isExecutable ? 0o755 : 0o644, 7, fields.mode);
  octal(0, 7, fields.uid);
  octal(0, 7, fields.gid);
  octal(size, 11, fields.size);
  octal(0, 11, fields.mtime);
  header.write('0', fields.type);
  header.write('ustar\x0000', fields.magic);
  // The checksum is reckoned as if its own field held spaces.
  header.write('        ', fields.checksum);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, fields.checksum);
  return header;
}
