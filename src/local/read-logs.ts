import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLine, LogQuery } from '../core/environment.ts';
import { readIfThere } from './durable.ts';

/** How often a followed log is looked at. */
const followMs = 100;

/** What replicas printed, those that were taken out included, in the order of time. Read from the disk alone. */
export async function* readLogs(logs: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
  const readers = new Map<string, LogReader>();
  const found = readNew(logs, query, readers).sort((a, b) => a.at - b.at);
  yield* query.lines === undefined ? found : found.slice(Math.max(0, found.length - query.lines));
  while (query.follow && !signal.aborted) {
    await Bun.sleep(followMs);
    yield* readNew(logs, query, readers).sort((a, b) => a.at - b.at);
  }
}

function readNew(logs: string, query: LogQuery, readers: Map<string, LogReader>): LogLine[] {
  const lines: LogLine[] = [];
  for (const replica of replicasIn(logs, query.release)) {
    const reader = readers.get(replica) ?? new LogReader(join(logs, replica), replica);
    readers.set(replica, reader);
    lines.push(...reader.next().filter(({ at }) => query.since === undefined || at >= query.since));
  }
  return lines;
}

function replicasIn(logs: string, release: string | undefined): readonly string[] {
  try {
    const wanted = release?.slice(0, 7);
    return readdirSync(logs).filter((name) => wanted === undefined || name.startsWith(wanted));
  } catch {
    return [];
  }
}

/** Reads one replica's log on from where it stopped, also over the place where it was turned over. */
class LogReader {
  readonly #folder: string;
  readonly #replica: string;
  #inode: number | undefined;
  #offset = 0;
  #rest = '';

  constructor(folder: string, replica: string) {
    this.#folder = folder;
    this.#replica = replica;
  }

  next(): LogLine[] {
    const out = join(this.#folder, 'out');
    const info = statSync(out, { throwIfNoEntry: false });
    if (!info) return [];
    const lines: LogLine[] = [];
    if (this.#inode !== info.ino) {
      const part = join(this.#folder, 'out.1');
      const earlier = statSync(part, { throwIfNoEntry: false });
      if (earlier && (this.#inode === undefined || this.#inode === earlier.ino))
        lines.push(...this.#read(part, 'marks.1'));
      this.#inode = info.ino;
      this.#offset = 0;
    }
    lines.push(...this.#read(out, 'marks'));
    return lines;
  }

  #read(path: string, marksName: string): LogLine[] {
    const bytes = readFrom(path, this.#offset);
    if (bytes.length === 0) return [];
    const marks = readMarks(join(this.#folder, marksName));
    const texts = (this.#rest + bytes.toString()).split('\n');
    let offset = this.#offset - Buffer.byteLength(this.#rest);
    this.#offset += bytes.length;
    this.#rest = texts.pop() ?? '';
    return texts.map((text) => {
      const at = timeAt(marks, offset);
      offset += Buffer.byteLength(text) + 1;
      return { at, replica: this.#replica, release: this.#replica.split('-')[0] ?? '', text };
    });
  }
}

interface Mark {
  readonly at: number;
  readonly offset: number;
}

function readMarks(path: string): readonly Mark[] {
  return (readIfThere(path) ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [at = 0, offset = 0] = line.split(' ').map(Number);
      return { at, offset };
    });
}

/** When the byte at this offset was printed, to a tenth of a second. */
function timeAt(marks: readonly Mark[], offset: number): number {
  return marks.findLast((mark) => mark.offset <= offset)?.at ?? marks[0]?.at ?? 0;
}

function readFrom(path: string, offset: number): Buffer {
  if (offset === 0) return readFileSync(path);
  const file = openSync(path, 'r');
  try {
    const size = statSync(path).size;
    const bytes = Buffer.alloc(Math.max(0, size - offset));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
  } finally {
    closeSync(file);
  }
}
