import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { seededRandom } from '../../src/core/seeded-random.ts';
import type { Load } from '../../src/load/load.ts';
import { presets } from '../../src/load/shape.ts';
import { RawClient } from '../../src/local/supervisor/raw-http.ts';
import { makeProject, type Project, until } from '../local/project.ts';
import { replays, seed, sized } from '../proof.ts';
import { wildRequest } from './http-fuzz.ts';

setDefaultTimeout(120_000);

/** A good client beside each of the others must not notice them. */
describe('beside clients that misbehave, everybody else is served, and a rollout loses no request:', () => {
  let project: Project;
  let load: Load;
  let supervisor: number;
  let log: string;
  const sockets: Socket[] = [];
  const clients: RawClient[] = [];
  let mark = 0;

  beforeAll(async () => {
    project = await makeProject({ environment: { bake: '300ms' } });
    expect((await project.causeway('up')).exitCode).toBe(0);
    supervisor = project.processes().supervisors[0] ?? 0;
    log = readFileSync(project.paths.supervisorLog, 'utf8');
    load = project.load(presets.mixed({ scale: 0.2 }));
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const { socket } of clients.splice(0)) socket.destroy();
  });

  afterAll(() => project?.[Symbol.asyncDispose]());

  test('5,000 connections that say nothing, whose handles are given back', async () => {
    const before = handlesOf(supervisor);

    sockets.push(...(await openIdle(project.port, 5_000)));
    await until('all are accepted', () => handlesOf(supervisor) >= before + 5_000);
    await expectWell();
    for (const socket of sockets.splice(0)) socket.destroy();

    await until('their handles are given back', () => handlesOf(supervisor) < before + 100);
  });

  test('requests that come a byte at a time', async () => {
    const text = 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\nX-Slow: ';
    sockets.push(...(await openIdle(project.port, 200)));
    let sent = 0;
    const drip = setInterval(() => {
      for (const socket of sockets) socket.write(text[sent] ?? 'x');
      sent += 1;
    }, 5);

    await expectWell();
    clearInterval(drip);

    expect(sent).toBeGreaterThan(text.length);
  });

  test('bodies that are never sent to their end', async () => {
    for (let count = 0; count < 100; count += 1)
      open().send('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf of it');

    const isLeaving = expectWell();
    for (const [index, { socket }] of clients.entries())
      if (index % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    await isLeaving;
  });

  test('connections that are closed halfway, before and after a request', async () => {
    for (let count = 0; count < 100; count += 1) {
      const client = open();
      if (count % 2 === 0) client.send('GET /slow?ms=100 HTTP/1.1\r\nHost: a\r\n\r\n');
      client.socket.end();
    }

    await expectWell();
  });

  test('answers that nobody reads', async () => {
    for (let count = 0; count < 20; count += 1) {
      const client = open();
      client.send('GET /big?bytes=20000000 HTTP/1.1\r\nHost: a\r\n\r\n');
      client.socket.pause();
    }

    await expectWell();
  });

  test('a head, a path and a header that are larger than any, and 10,000 of them', async () => {
    const heads = [
      `GET /${'p'.repeat(2_000_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\nX-Big: ${'v'.repeat(2_000_000)}\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\n${Array.from({ length: 10_000 }, (_, n) => `X-${n}: 1\r\n`).join('')}\r\n`,
    ];
    const refused = heads.map(async (head) => {
      const client = open();
      client.send(head);
      return (await client.answer())?.status ?? 'closed';
    });

    await expectWell();

    for (const status of await Promise.all(refused)) expect([400, 413, 414, 431, 'closed']).toContain(status);
  });

  test(`${sized({ ci: 200, full: 20_000 })} requests that HTTP does not allow (CAUSEWAY_SEED=${seed})`, async () => {
    const random = seededRandom(seed);
    const whole = sized({ ci: 200, full: 20_000 });
    const wild = (async () => {
      for (let round = 0; round < whole; round += 1) {
        const client = open();
        const { parts, ending, title } = wildRequest(random, round);
        for (const part of parts) client.send(part);
        if (ending === 'half-closes') client.socket.end();
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (ending === 'resets') client.socket.resetAndDestroy();
        expect(client.bytes, `${replays}; round ${round}: ${title}`).not.toMatch(/\n\s+at .+[:(]|\.ts:\d/);
        if (clients.length > 100) clients.shift()?.socket.destroy();
      }
    })();

    await Promise.all([expectWell(), wild]);
  });

  test('and after all of them it is the same supervisor, which had nothing to say, and counts what its clients saw', async () => {
    const { failures, requests } = await load.stop();

    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
    expect(project.processes().supervisors).toEqual([supervisor]);
    expect(readFileSync(project.paths.supervisorLog, 'utf8')).toBe(log);
    const lost = (await project.records()).map(({ traffic }) => traffic.lost);
    expect(lost.every((count) => count === 0)).toBe(true);
  });

  /** A rollout, under the load of the well-behaved. */
  async function expectWell(): Promise<void> {
    mark += 1;
    project.use('good.ts', { mark: `release ${mark}` });
    const { requests } = load.report();
    const { exitCode, stderr } = await project.causeway('deploy');
    expect(exitCode, stderr).toBe(0);
    await load.until((totals) => totals.requests >= requests + 50);
    expect(load.report().failures).toEqual([]);
  }

  function open(): RawClient {
    const client = new RawClient(project.port);
    clients.push(client);
    return client;
  }
});

async function openIdle(port: number, count: number): Promise<readonly Socket[]> {
  const opened: Promise<Socket>[] = [];
  for (let number = 0; number < count; number += 1) {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
    opened.push(promise);
    // No faster than they are accepted: what the backlog has no room for waits a second.
    if (number % 100 === 99) await Promise.all(opened);
  }
  return Promise.all(opened);
}

function handlesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
