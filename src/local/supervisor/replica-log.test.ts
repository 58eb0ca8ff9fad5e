import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLines, ReplicaLog } from './replica-log.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('what a replica prints', () => {
  test('is kept byte for byte, for its user alone', async () => {
    const folder = makeTemporary();
    const log = new ReplicaLog(folder);

    await print(log, 'one\n', Uint8Array.of(0, 255, 13, 10), 'three\n');
    log.close();

    expect(readFileSync(join(folder, 'out'), 'latin1')).toBe('one\n\0\xff\r\nthree\n');
    expect(statSync(join(folder, 'out')).mode & 0o777).toBe(0o600);
  });

  test('is marked with the time and the place in the log', async () => {
    const folder = makeTemporary();
    const log = new ReplicaLog(folder);
    const before = Date.now();

    await print(log, 'one\n');
    log.close();

    const [at, offset] = readFileSync(join(folder, 'marks'), 'utf8').trim().split(' ').map(Number);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
    expect(offset).toBe(0);
  });

  test('without an end of line gets one when there is no more to come', async () => {
    const folder = makeTemporary();
    const log = new ReplicaLog(folder);

    await print(log, 'fatal: no ', 'database');
    log.close();

    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('fatal: no database\n');
  });

  test('takes two parts of 16 MB at most: the log is turned over, and the end is kept', async () => {
    const folder = makeTemporary();
    const log = new ReplicaLog(folder);
    const megabyte = `${'x'.repeat(2 ** 20 - 1)}\n`;

    await print(log, ...Array.from({ length: 50 }, () => megabyte), 'the end\n');
    log.close();

    const sizes = ['out', 'out.1'].map((name) => statSync(join(folder, name)).size);
    for (const size of sizes) expect(size).toBeLessThan(18 * 2 ** 20);
    expect(readdirSync(folder).sort()).toEqual(['marks', 'marks.1', 'out', 'out.1']);
    expect(lastLines(folder, 1)).toEqual(['the end']);
  });

  test('is lost without harm where nothing can be written', async () => {
    const file = join(makeTemporary(), 'file');
    writeFileSync(file, '');
    const log = new ReplicaLog(join(file, 'log'));

    await print(log, 'one\n');
    log.close();
    log.close();

    expect(readFileSync(file, 'utf8')).toBe('');
  });
});

describe('the last lines', () => {
  test('are those that say something', () => {
    const folder = makeTemporary();
    writeFileSync(join(folder, 'out'), 'one\n\ntwo\n   \nthree\nfour');

    expect(lastLines(folder, 3)).toEqual(['two', 'three', 'four']);
  });

  test('of a log that is shorter are all of it, and of none are none', () => {
    const folder = makeTemporary();
    writeFileSync(join(folder, 'out'), 'one\n');

    expect(lastLines(folder, 20)).toEqual(['one']);
    expect(lastLines(join(folder, 'missing'), 20)).toEqual([]);
  });
});

async function print(log: ReplicaLog, ...chunks: (string | Uint8Array)[]): Promise<void> {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      controller.close();
    },
  });
  await log.take(stream);
}

function makeTemporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-log-'));
  folders.push(folder);
  return folder;
}
