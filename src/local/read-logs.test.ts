import { afterEach, describe, expect, test } from 'bun:test';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogLine, LogQuery } from '../core/environment.ts';
import { readLogs } from './read-logs.ts';
import { ReplicaLog } from './supervisor/replica-log.ts';

const folders: string[] = [];
const readers: AbortController[] = [];

afterEach(() => {
  for (const reader of readers.splice(0)) reader.abort();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const [one, two] = ['aaaaaaa-1000-1', 'bbbbbbb-1001-2'];

describe('what replicas printed', () => {
  test('is merged in the order of time', async () => {
    const logs = makeLogs();
    write(logs, one, [
      [1_000, 'first\n'],
      [3_000, 'third\n'],
    ]);
    write(logs, two, [
      [2_000, 'second\n'],
      [4_000, 'fourth\n'],
    ]);

    const lines = await read(logs);

    expect(lines).toEqual([
      { at: 1_000, replica: one, release: 'aaaaaaa', text: 'first' },
      { at: 2_000, replica: two, release: 'bbbbbbb', text: 'second' },
      { at: 3_000, replica: one, release: 'aaaaaaa', text: 'third' },
      { at: 4_000, replica: two, release: 'bbbbbbb', text: 'fourth' },
    ]);
  });

  test('at one time stays in the order of its replica', async () => {
    const logs = makeLogs();
    write(logs, one, [
      [1_000, 'a\nb\n'],
      [1_000, 'c\n'],
    ]);
    write(logs, two, [[1_000, 'd\n']]);

    const lines = await read(logs);

    expect(texts(lines.filter(({ replica }) => replica === one))).toEqual(['a', 'b', 'c']);
    expect(lines.length).toBe(4);
  });

  test('may be asked for by the start of a release’s id, short or whole', async () => {
    const logs = makeLogs();
    write(logs, one, [[1_000, 'of a\n']]);
    write(logs, two, [[2_000, 'of b\n']]);

    const asked = await Promise.all(
      ['aaaa', 'aaaaaaa', 'a'.repeat(64), 'c'].map((release) => read(logs, { release })),
    );

    expect(asked.map(texts)).toEqual([['of a'], ['of a'], ['of a'], []]);
  });

  test('since a moment leaves out what was printed before it', async () => {
    const logs = makeLogs();
    write(logs, one, [
      [1_000, 'old\nold too\n'],
      [2_000, 'new\n'],
      [3_000, 'newer\n'],
    ]);

    expect(texts(await read(logs, { since: 2_000 }))).toEqual(['new', 'newer']);
    expect(texts(await read(logs, { since: 3_001 }))).toEqual([]);
  });

  test('may be the last lines alone, over all replicas', async () => {
    const logs = makeLogs();
    write(logs, one, [
      [1_000, 'first\n'],
      [3_000, 'third\n'],
    ]);
    write(logs, two, [[2_000, 'second\n']]);

    const asked = await Promise.all([0, 2, 10].map((lines) => read(logs, { lines })));

    expect(asked.map(texts)).toEqual([[], ['second', 'third'], ['first', 'second', 'third']]);
  });

  test('without an end of line is shown too', async () => {
    const logs = makeLogs();
    write(logs, one, [
      [1_000, 'one\n'],
      [2_000, 'fatal: no database'],
    ]);

    const lines = await read(logs);

    expect(lines.at(-1)).toEqual({ at: 2_000, replica: one, release: 'aaaaaaa', text: 'fatal: no database' });
  });

  test('is shown from before the log was turned over, and from after it', async () => {
    const logs = makeLogs();
    write(logs, one, [[1_000, 'before\nbegun ']]);
    turnOver(logs, one);
    write(logs, one, [[2_000, 'and ended\nafter\n']]);

    const lines = await read(logs);

    expect(texts(lines)).toEqual(['before', 'begun and ended', 'after']);
    expect(lines.map(({ at }) => at)).toEqual([1_000, 2_000, 2_000]);
  });

  test('is nothing where nothing was printed, and where there is no folder', async () => {
    const logs = makeLogs();
    mkdirSync(join(logs, one));

    expect(await read(logs)).toEqual([]);
    expect(await read(join(logs, 'missing'))).toEqual([]);
  });

  test('in a hundred thousand lines with a mark each is read', async () => {
    const logs = makeLogs();
    const count = 100_000;
    mkdirSync(join(logs, one));
    writeFileSync(join(logs, one, 'out'), 'line\n'.repeat(count));
    writeFileSync(
      join(logs, one, 'marks'),
      Array.from({ length: count }, (_, n) => `${n} ${n * 5}\n`).join(''),
    );

    const lines = await read(logs, { since: count - 2 });

    expect(lines.map(({ at }) => at)).toEqual([count - 2, count - 1]);
  });
});

describe('following', () => {
  test('shows what there is, then each line once when it has ended', async () => {
    const logs = makeLogs();
    write(logs, one, [[1_000, 'before\nhalf ']]);
    const reader = follow(logs);

    expect(await reader.next()).toBe('before');
    write(logs, one, [[2_000, 'a line\n']]);
    expect(await reader.next()).toBe('half a line');
    write(logs, two, [[3_000, 'of a new replica\n']]);

    expect(await reader.next()).toBe('of a new replica');
  });

  test('begins with the last lines, if they are asked for', async () => {
    const logs = makeLogs();
    write(logs, one, [[1_000, 'one\ntwo\nthree\n']]);
    const reader = follow(logs, { lines: 1 });

    expect(await reader.next()).toBe('three');
    write(logs, one, [[2_000, 'four\nfive\n']]);

    expect([await reader.next(), await reader.next()]).toEqual(['four', 'five']);
  });

  test('goes on over a turn-over, and loses and repeats nothing', async () => {
    const logs = makeLogs();
    write(logs, one, [[1_000, 'one\n']]);
    const reader = follow(logs);
    expect(await reader.next()).toBe('one');

    write(logs, one, [[1_500, 'two\nthr']]);
    turnOver(logs, one);
    write(logs, one, [[2_000, 'ee\nfour\n']]);
    expect([await reader.next(), await reader.next(), await reader.next()]).toEqual(['two', 'three', 'four']);
    turnOver(logs, one);
    write(logs, one, [[3_000, 'five\n']]);

    expect(await reader.next()).toBe('five');
  });

  test('keeps a character whole that was printed in two halves', async () => {
    const logs = makeLogs();
    const bytes = Buffer.from('über 🌉 grün\n');
    const reader = follow(logs);

    for (const [from, to] of [
      [0, 1],
      [1, 7],
      [7, 9],
    ] as const) {
      write(logs, one, [[1_000, bytes.subarray(from, to)]]);
      write(logs, two, [[1_000, `so far ${to}\n`]]);
      expect(await reader.next()).toBe(`so far ${to}`);
    }
    write(logs, one, [
      [2_000, bytes.subarray(9)],
      [3_000, 'next\n'],
    ]);

    expect([await reader.next(), await reader.next()]).toEqual(['über 🌉 grün', 'next']);
  });

  test('shows the last words of a replica that ended in the middle of a line', async () => {
    const logs = makeLogs();
    const log = new ReplicaLog(join(logs, one));
    const reader = follow(logs);

    await log.take(new Blob(['fatal: no database']).stream());
    log.close();

    expect(await reader.next()).toBe('fatal: no database');
  });

  test('reads whole what a replica prints while its log is turned over again and again', async () => {
    const logs = makeLogs();
    const log = new ReplicaLog(join(logs, one));
    const reader = follow(logs);
    const count = 40 * 64;
    const numbered = (n: number) => `${String(n).padStart(8, '0')} ${'x'.repeat(16 * 1024 - 10)}\n`;
    let printed = 0;
    let seen = 0;

    while (printed < count) {
      const lines = Array.from({ length: 256 }, () => numbered(printed++)).join('');
      await log.take(new Blob([lines]).stream());
      while (seen < printed) expect((await reader.next()).slice(0, 8)).toBe(numbered(seen++).slice(0, 8));
    }
    log.close();

    expect(seen).toBe(count);
  });

  test('ends when it is given up', async () => {
    const giveUp = new AbortController();
    const lines = readLogs(makeLogs(), { follow: true }, giveUp.signal);

    const next = lines.next();
    giveUp.abort();

    expect((await next).done).toBe(true);
  });
});

/** Appends to a replica's log, each chunk with a mark of its time. */
function write(logs: string, replica: string, chunks: readonly [number, string | Uint8Array][]): void {
  const folder = join(logs, replica);
  mkdirSync(folder, { recursive: true });
  for (const [at, chunk] of chunks) {
    const offset = Bun.file(join(folder, 'out')).size;
    appendFileSync(join(folder, 'marks'), `${at} ${offset}\n`);
    appendFileSync(join(folder, 'out'), chunk);
  }
}

function turnOver(logs: string, replica: string): void {
  for (const name of ['out', 'marks']) {
    rmSync(join(logs, replica, `${name}.1`), { force: true });
    renameSync(join(logs, replica, name), join(logs, replica, `${name}.1`));
  }
  writeFileSync(join(logs, replica, 'out'), '');
}

async function read(logs: string, query: Partial<LogQuery> = {}): Promise<readonly LogLine[]> {
  return Array.fromAsync(readLogs(logs, { follow: false, ...query }, new AbortController().signal));
}

function follow(logs: string, query: Partial<LogQuery> = {}) {
  const reader = new AbortController();
  readers.push(reader);
  const lines = readLogs(logs, { follow: true, ...query }, reader.signal);
  return {
    next: async (): Promise<string> => {
      const { value } = await lines.next();
      return value?.text ?? 'the end';
    },
  };
}

function texts(lines: readonly LogLine[]): readonly string[] {
  return lines.map(({ text }) => text);
}

function makeLogs(): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-logs-'));
  folders.push(folder);
  return folder;
}
