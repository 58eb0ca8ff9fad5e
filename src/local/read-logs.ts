import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLine, LogQuery } from '../core/environment.ts';
import { errorCode, readIfThere } from './durable.ts';

/** How often a followed log is looked at. */
const followMs = 100;

/** What replicas printed, those that were taken out included, in the order of time. Read from the disk alone. */
export async function* readLogs(logs: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
  const readers = new Map<string, LogReader>();
  const found = readNew(logs, query, readers, query.lines);
  yield* query.lines === undefined ? found : found.slice(Math.max(0, found.length - query.lines));
  while (query.follow && !signal.aborted) {
    await Bun.sleep(followMs);
    yield* readNew(logs, query, readers);
  }
}

function readNew(
  logs: string,
  query: LogQuery,
  readers: Map<string, LogReader>,
  most = Number.POSITIVE_INFINITY,
): LogLine[] {
  const { since = 0 } = query;
  const parts: LogLine[][] = [];
  for (const replica of replicasIn(logs, query.release)) {
    const reader = readers.get(replica) ?? new LogReader(join(logs, replica), replica, query.lines);
    readers.set(replica, reader);
    const read = [...reader.next(), ...(query.follow ? [] : reader.end())];
    const lines = read.filter(({ at }) => at >= since);
    parts.push(lines.length > most ? lines.slice(-most) : lines);
  }
  return parts.flat().sort((a, b) => a.at - b.at);
}

/** More than lines usually take; the last ones that were asked for are in it. */
const bytesPerLine = 4_096;

/** How much of a log's end usually holds so many lines. */
function tailOf(lines: number): number {
  return Math.max(64 * 1024, lines * bytesPerLine);
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
  /** Of what there is at first, no more than the end that holds so many lines is read. */
  readonly #wanted: number;
  #inode: number | undefined;
  #offset = 0;
  /** The beginning of a line whose end was not printed yet: bytes, for it may end in half a character. */
  #rest = Buffer.alloc(0);
  #restAt = 0;

  constructor(folder: string, replica: string, wanted = Number.POSITIVE_INFINITY) {
    this.#folder = folder;
    this.#replica = replica;
    this.#wanted = wanted;
  }

  next(): readonly LogLine[] {
    return withFile(join(this.#folder, 'out'), (out, inode) => {
      const { size } = fstatSync(out);
      const isFirst = this.#inode === undefined;
      const hasTail = isFirst && size >= tailOf(this.#wanted);
      const earlier = this.#inode === inode || hasTail ? [] : this.#readEarlier();
      this.#inode = inode;
      if (!hasTail) return [...earlier, ...this.#read(out, 'marks')];
      return this.#readTail(out, size);
    });
  }

  /** The first line of a part is one that was begun before it; lines may be longer than they usually are. */
  #readTail(out: number, size: number): readonly LogLine[] {
    for (let bytes = tailOf(this.#wanted); ; bytes *= 4) {
      const from = Math.max(0, size - bytes);
      this.#offset = from;
      this.#rest = Buffer.alloc(0);
      const lines = this.#read(out, 'marks');
      if (from === 0) return lines;
      if (lines.length > this.#wanted) return lines.slice(1);
    }
  }

  /** The last line, if it has no end. */
  end(): readonly LogLine[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length === 0 ? [] : [this.#toLine(rest, this.#restAt)];
  }

  /** Of the part before, what was not read of it yet. */
  #readEarlier(): readonly LogLine[] {
    const lines = withFile(join(this.#folder, 'out.1'), (out, inode) => {
      const isWhereItStopped = this.#inode === inode;
      if (!isWhereItStopped) {
        this.#offset = 0;
        this.#rest = Buffer.alloc(0);
      }
      return this.#read(out, 'marks.1');
    });
    this.#offset = 0;
    return lines;
  }

  #read(file: number, marksName: string): LogLine[] {
    const bytes = readFrom(file, this.#offset);
    if (bytes.length === 0) return [];
    const timeAt = clockOf(readMarks(join(this.#folder, marksName)));
    const first = this.#offset - this.#rest.length;
    const all = Buffer.concat([this.#rest, bytes]);
    const lines: LogLine[] = [];
    let from = 0;
    for (let to = all.indexOf(newline); to !== -1; to = all.indexOf(newline, from)) {
      lines.push(this.#toLine(all.subarray(from, to), timeAt(first + from)));
      from = to + 1;
    }
    this.#offset += bytes.length;
    this.#rest = Buffer.from(all.subarray(from));
    this.#restAt = timeAt(first + from);
    return lines;
  }

  #toLine(bytes: Buffer, at: number): LogLine {
    return { at, replica: this.#replica, release: this.#replica.split('-')[0] ?? '', text: bytes.toString() };
  }
}

const newline = 10;

interface Mark {
  readonly at: number;
  readonly offset: number;
}

function readMarks(path: string): readonly Mark[] {
  return readText(path)
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [at = 0, offset = 0] = line.split(' ').map(Number);
      return { at, offset };
    })
    .filter(({ at, offset }) => Number.isFinite(at) && Number.isFinite(offset));
}

/** Without its marks a log can still be read. */
function readText(path: string): string {
  try {
    return readIfThere(path) ?? '';
  } catch {
    return '';
  }
}

/** When the byte at an offset was printed, to a tenth of a second; asked for one offset after the other. */
function clockOf(marks: readonly Mark[]): (offset: number) => number {
  let index = 0;
  return (offset) => {
    while ((marks[index + 1]?.offset ?? Infinity) <= offset) index += 1;
    return marks[index]?.at ?? 0;
  };
}

/** Does work with an open file, which stays the same one when it is given another name meanwhile. */
function withFile(
  path: string,
  work: (file: number, inode: number) => readonly LogLine[],
): readonly LogLine[] {
  const file = openIfThere(path);
  if (file === undefined) return [];
  try {
    const found = fstatSync(file);
    return found.isFile() ? work(file, found.ino) : [];
  } finally {
    closeSync(file);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function readFrom(file: number, offset: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - offset));
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
}
