import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from './engine.ts';

const { signal } = new AbortController();

test.each([
  ['reads an image in', (engine: Engine) => engine.load(new Blob(['x']).stream(), signal)],
  ['lists', (engine: Engine) => engine.list([])],
  ['waits', (engine: Engine) => engine.wait('a', signal)],
])('an answer that is cut while the engine %s is told as an engine that broke off', async (_, work) => {
  await using cut = await engineThatCuts();

  const asked = work(new Engine(cut.socket));

  await expect(asked).rejects.toMatchObject({ code: 'engine_missing' });
});

test('an engine that takes a request and does not answer is told so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-hung-'));
  const socket = join(folder, 'engine.sock');
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  await using _ = {
    async [Symbol.asyncDispose]() {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };

  const asked = new Engine(socket).about(signal, 20);

  await expect(asked).rejects.toMatchObject({
    message: `no Docker engine answers at ${socket}: it does not answer in time`,
    hint: expect.stringContaining('sudo systemctl restart docker'),
  });
});

/** Says what it is, and ends every other answer in its midst. */
async function engineThatCuts() {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-cut-'));
  const socket = join(folder, 'engine.sock');
  const about = JSON.stringify({ Version: '1', ApiVersion: '1.41', Os: 'linux', Arch: 'amd64' });
  const server = createServer((connection) => {
    connection.on('error', () => undefined);
    connection.on('data', (data) => {
      const head = data.toString().split('\r\n')[0] ?? '';
      if (!head.startsWith('GET') && !head.startsWith('POST')) return;
      const isAbout = head.includes('/version');
      const size = isAbout ? about.length : 1_000;
      connection.end(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${size}\r\n\r\n${isAbout ? about : '[{"I'}`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
