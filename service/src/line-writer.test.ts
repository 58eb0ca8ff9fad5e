import { expect, test } from 'bun:test';
import { LineWriter } from './line-writer.ts';

/** A pipe with limited room and its reader; waiting ends when the test says so. */
class Pipe {
  room = Number.POSITIVE_INFINITY;
  failure: string | undefined;
  received = '';
  readonly waits: { readonly ms: number; readonly end: () => void }[] = [];

  async write(bytes: Uint8Array): Promise<number> {
    if (this.failure !== undefined) throw Object.assign(new Error(this.failure), { code: this.failure });
    if (this.room === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.received += new TextDecoder().decode(taken);
    return taken.length;
  }

  wait(ms: number): Promise<void> {
    return new Promise((end) => this.waits.push({ ms, end }));
  }

  /** Ends the waits of this length, and lets all that follows from it happen. */
  async pass(ms: number): Promise<void> {
    const over = this.waits.filter((wait) => wait.ms === ms);
    this.waits.splice(0, this.waits.length, ...this.waits.filter((wait) => wait.ms !== ms));
    for (const { end } of over) end();
    await settle();
  }

  writer(): LineWriter {
    return new LineWriter({ write: (bytes) => this.write(bytes), wait: (ms) => this.wait(ms) });
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('lines are gathered for 100 ms and written together', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();

  writer.line('one\n');
  writer.line('two\n');
  await settle();
  const before = pipe.received;
  await pipe.pass(100);

  expect(before).toBe('');
  expect(pipe.received).toBe('one\ntwo\n');
  expect(pipe.waits).toEqual([]);
});

test('64 KiB are written at once', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();

  for (let i = 0; i < 64; i++) writer.line(`${'x'.repeat(1023)}\n`);
  await settle();

  expect(pipe.received.length).toBe(65_536);
});

test('a short write is continued where it ended, and a full pipe is tried again', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();
  writer.line('first\n');
  writer.line('second\n');

  pipe.room = 8;
  await pipe.pass(100);
  const whileFull = pipe.received;
  writer.line('third\n');
  pipe.room = 1000;
  await pipe.pass(100);
  await pipe.pass(5);

  expect(whileFull).toBe('first\nse');
  expect(pipe.received).toBe('first\nsecond\nthird\n');
  expect(writer.droppedLines).toBe(0);
});

test('closing waits for a slow reader and leaves nothing behind', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();
  pipe.room = 0;
  for (let i = 0; i < 100; i++) writer.line(`line ${i}\n`);

  let isClosed = false;
  const closed = writer.close().then(() => {
    isClosed = true;
  });
  for (let rounds = 0; !isClosed && rounds < 1000; rounds++) {
    pipe.room = 7;
    await pipe.pass(5);
  }
  await closed;

  expect(pipe.received.trimEnd().split('\n')).toHaveLength(100);
});

test('closing writes what is added meanwhile', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();

  writer.line('before\n');
  const closed = writer.close();
  writer.line('meanwhile\n');
  await closed;

  expect(pipe.received).toBe('before\nmeanwhile\n');
});

test('closing gives up a reader that takes nothing for a second', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();
  pipe.room = 0;
  writer.line('unread\n');

  const closed = writer.close();
  await pipe.pass(1000);
  await closed;

  expect(pipe.received).toBe('');
});

test('lines for a reader that is gone are dropped and counted', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();
  writer.line('one\n');
  writer.line('two\n');

  pipe.failure = 'EPIPE';
  await pipe.pass(100);
  writer.line('three\n');
  await writer.close();

  expect(writer.droppedLines).toBe(3);
  expect(pipe.waits).toEqual([]);
});

test('a stalled reader costs limited memory: past it lines are dropped and counted', async () => {
  const pipe = new Pipe();
  const writer = pipe.writer();
  const line = `${'x'.repeat(65_535)}\n`;

  pipe.room = 0;
  for (let i = 0; i < 200; i++) writer.line(line);
  await settle();
  pipe.room = Number.POSITIVE_INFINITY;
  await pipe.pass(5);

  expect(pipe.received.length).toBe(129 * 65_536);
  expect(writer.droppedLines).toBe(71);
});
