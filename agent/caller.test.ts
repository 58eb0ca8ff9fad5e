import { afterEach, describe, expect, test } from 'bun:test';
import { createServer, type Server, type Socket } from 'node:net';
import { Caller, userAgent } from './caller.ts';

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe('a request', () => {
  test('says who asks, and is answered', async () => {
    const heads: string[] = [];
    const server = await serve((socket, head) => {
      heads.push(head);
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
    const caller = open(server);

    const outcome = await caller.ask({ path: '/a?b', isKept: true, timeoutMs: 5_000 });

    expect(outcome).toMatchObject({ ending: { kind: 'answered', status: 204 }, isRetried: false });
    expect(heads[0]).toStartWith(`GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n`);
    expect(heads[0]).toContain(`\r\nUser-Agent: ${userAgent}\r\n`);
  });

  for (const [name, kind, answer] of [
    ['is cut in the middle of its answer', 'cut', cutInside],
    ['is closed without an answer on a new connection', 'reset', (socket) => socket.end()],
    ['gets what is not HTTP', 'malformed', (socket) => socket.write('220 mail.example.com\r\n')],
    ['gets no answer in time', 'late', () => undefined],
    ['gets no whole answer in time', 'late', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Le')],
  ] as readonly (readonly [string, string, Answer])[]) {
    test(`that ${name} is ${kind}`, async () => {
      const caller = open(await serve(answer));

      const outcome = await caller.ask({ path: '/', isKept: false, timeoutMs: 200 });

      expect(outcome?.ending.kind).toBe(kind as 'cut');
      expect(caller.waiting.size).toBe(0);
    });
  }

  test('to a closed port is refused', async () => {
    const server = await serve(() => undefined);
    await server.close();
    const caller = open(server);

    const outcome = await caller.ask({ path: '/', isKept: true, timeoutMs: 5_000 });

    expect(outcome?.ending.kind).toBe('refused');
  });
});

describe('connections', () => {
  test('that are kept are used in turn, and new ones once each', async () => {
    const server = await serve(ok);
    const caller = open(server, { kept: 2 });

    for (let n = 0; n < 6; n++) await caller.ask({ path: '/', isKept: true, timeoutMs: 5_000 });
    expect(server.connections()).toBe(2);
    for (let n = 0; n < 3; n++) await caller.ask({ path: '/', isKept: false, timeoutMs: 5_000 });

    expect(server.connections()).toBe(5);
  });

  test('that are kept and closed before a byte of the answer are tried once more, which is told', async () => {
    let count = 0;
    const server = await serve((socket) => {
      count += 1;
      if (count === 2) socket.destroy();
      else ok(socket);
    });
    const caller = open(server);

    const first = await caller.ask({ path: '/', isKept: true, timeoutMs: 5_000 });
    const second = await caller.ask({ path: '/', isKept: true, timeoutMs: 5_000 });

    expect(first).toMatchObject({ ending: { kind: 'answered' }, isRetried: false });
    expect(second).toMatchObject({ ending: { kind: 'answered' }, isRetried: true });
    expect(count).toBe(3);
  });

  test('that are closed while they rest are replaced, which is no retry', async () => {
    const sockets: Socket[] = [];
    const server = await serve((socket) => {
      sockets.push(socket);
      ok(socket);
    });
    const caller = open(server);
    await caller.ask({ path: '/', isKept: true, timeoutMs: 5_000 });

    sockets[0]?.end();
    await new Promise((resolve) => sockets[0]?.once('close', resolve));
    const outcome = await caller.ask({ path: '/', isKept: true, timeoutMs: 5_000 });

    expect(outcome).toMatchObject({ ending: { kind: 'answered' } });
  });

  test('are not opened where that is not allowed', async () => {
    const server = await serve((socket) => socket.end(closing));
    const caller = open(server);
    await caller.ask({ path: '/', isKept: true, timeoutMs: 5_000 });

    const outcome = await caller.ask({ path: '/', isKept: true, mayOpen: false, timeoutMs: 5_000 });

    expect(outcome).toBeUndefined();
    expect(server.connections()).toBe(1);
  });

  test('are never more than 64 at a time', async () => {
    const server = await serve(() => undefined);
    const caller = open(server);

    const asked = Array.from({ length: 80 }, () => caller.ask({ path: '/', isKept: false, timeoutMs: 500 }));

    expect(caller.waiting.size).toBe(64);
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(16);
  });
});

type Answer = (socket: Socket, head: string) => unknown;

const closing = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';

function ok(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
}

function cutInside(socket: Socket): void {
  socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok');
}

async function serve(answer: Answer) {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (head) => answer(socket, head.toString('latin1')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  opened.push({ close: () => (server.listening ? close() : undefined) });
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    connections: () => connections,
    close,
  };
}

function open({ port }: { readonly port: number }, { kept = 1 } = {}): Caller {
  const caller = new Caller({ host: '127.0.0.1', port }, { kept });
  opened.push({ close: () => caller.close() });
  return caller;
}
