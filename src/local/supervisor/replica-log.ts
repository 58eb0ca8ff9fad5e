import { closeSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../durable.ts';

/** A log is turned over at this size, and one earlier part of it is kept. */
const partBytes = 16 * 1024 * 1024;
/** A mark says when the bytes from an offset on were printed; no closer than this. */
const markMs = 100;

/**
 * What one replica prints, as it prints it, in a folder of its own: `out` with the bytes, `marks` with lines
 * `<milliseconds since 1970> <offset>`, and both once more with `.1` for the part before. A disk that is full
 * loses lines, and nothing else.
 */
export class ReplicaLog {
  readonly #folder: string;
  #files: { readonly out: number; readonly marks: number } | undefined;
  #offset = 0;
  #markedAt = 0;
  #endsInLine = true;

  constructor(folder: string) {
    this.#folder = folder;
    this.#open();
  }

  /** Copies a stream into the log until it ends. */
  async take(stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.#write(chunk);
  }

  /** Ends a last line that has no end, for it will get none. */
  close(): void {
    if (!this.#endsInLine) this.#write(Buffer.from('\n'));
    this.#closeFiles();
  }

  #closeFiles(): void {
    if (!this.#files) return;
    closeSync(this.#files.out);
    closeSync(this.#files.marks);
    this.#files = undefined;
  }

  /** A disk that is full must not stop the replica that prints, nor the supervisor that reads. */
  #open(): void {
    try {
      makeFolder(this.#folder);
      const [out, marks] = ['out', 'marks'].map((name) => openSync(join(this.#folder, name), 'a', 0o600));
      if (out !== undefined && marks !== undefined) this.#files = { out, marks };
    } catch {
      this.#files = undefined;
    }
  }

  #write(chunk: Uint8Array): void {
    if (!this.#files) return;
    try {
      if (this.#offset > partBytes) this.#turnOver();
      const now = Date.now();
      // Also where the clock was set back.
      if (Math.abs(now - this.#markedAt) >= markMs) {
        writeSync(this.#files.marks, `${now} ${this.#offset}\n`);
        this.#markedAt = now;
      }
      this.#offset += writeSync(this.#files.out, chunk);
      this.#endsInLine = chunk.at(-1) === 10;
    } catch {
      // The same.
    }
  }

  #turnOver(): void {
    this.#closeFiles();
    for (const name of ['out', 'marks']) {
      rmSync(join(this.#folder, `${name}.1`), { force: true });
      renameSync(join(this.#folder, name), join(this.#folder, `${name}.1`));
    }
    this.#open();
    this.#offset = 0;
    this.#markedAt = 0;
  }
}

/** What the runtime prints below an uncaught error says nothing of the release. */
const runtimeName = /^Bun v[0-9.]+ \(.*\)$/;
/** As much of a log's end as is looked at for its last lines. */
const tailBytes = 64 * 1024;

/** The last lines of a replica's log; none where there is no log. */
export function lastLines(folder: string, count: number): readonly string[] {
  const lines = readTail(join(folder, 'out')).split('\n');
  return lines.filter((line) => line.trim() !== '' && !runtimeName.test(line)).slice(-count);
}

function readTail(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size === 0) return '';
  const { size } = found;
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(size, tailBytes));
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, size - bytes.length));
  } finally {
    closeSync(file);
  }
}
