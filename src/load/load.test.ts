import { afterEach, describe, expect, test } from 'bun:test';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Client } from './client.ts';
import { type Load, startLoad } from './load.ts';
import { type LoadReport, Tally } from './report.ts';
import { echoesBody, type Stream } from './shape.ts';

const opened: { readonly servers: Server[]; readonly loads: Load[] } = { servers: [], loads: [] };

afterEach(async () => {
  await Promise.all(opened.loads.splice(0).map((load) => load.stop()));
  for (const server of opened.servers.splice(0)) server.close();
});

describe('a request that is not answered well is counted by its cause', () => {
  test('refused, when nobody listens', async () => {
    const port = await freePort();

    const report = await send(port, get, 3);

    expect(report.causes.refused).toBe(3);
    expect(report.failures[0]).toMatchObject({
      cause: 'refused',
      stream: 'get',
      connection: { requests: 0 },
    });
  });

  for (const [name, end] of [
    ['by a reset', (socket: Socket) => socket.resetAndDestroy()],
    ['by a clean end', (socket: Socket) => socket.end()],
  ] as const) {
    test(`reset, when a new connection is closed ${name} before a byte of the answer`, async () => {
      const port = await serveRaw(end);

      const report = await send(port, get, 2);

      expect(report.causes.reset).toBe(2);
      expect(report.retried).toBe(0);
      expect(report.failures[0]?.connection).toMatchObject({ requests: 1, isReused: false });
      expect(report.failures[0]?.firstBytes).toBeUndefined();
    });
  }

  test('cut, when the connection is reset after half of the head', async () => {
    const port = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-');
      socket.resetAndDestroy();
    });

    const report = await send(port, get, 1);

    expect(report.causes.cut).toBe(1);
    expect(report.failures[0]?.firstBytes).toBe('HTTP/1.1 200 OK\r\nContent-');
    expect(report.failures[0]?.detail).toContain('in the head');
  });

  for (const [name, bytes] of [
    ['with a length', 'HTTP/1.1 200 OK\r\nX-Release: one\r\nContent-Length: 10\r\n\r\nhalf'],
    ['of chunks', 'HTTP/1.1 200 OK\r\nX-Release: one\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ] as const) {
    test(`cut, when the connection ends in the middle of a body ${name}`, async () => {
      const port = await serveRaw((socket) => socket.end(bytes));

      const report = await send(port, get, 1);

      expect(report.causes.cut).toBe(1);
      expect(report.failures[0]).toMatchObject({ status: 200, release: 'one' });
      expect(report.failures[0]?.detail).toContain('after 4 bytes of the body');
      expect(report.releases).toEqual({ one: { ok: 0, failed: 1 } });
    });
  }

  for (const [status, cause] of [
    [502, '502'],
    [503, '503'],
    [504, '504'],
    [500, 'other-5xx'],
    [404, 'unexpected-status'],
  ] as const) {
    test(`${cause}, when the answer's status is ${status}; the connection is used again`, async () => {
      const port = await serveRaw((socket) => socket.write(answer('', status)));

      const report = await send(port, get, 2);

      expect(report.causes[cause]).toBe(2);
      expect(report.failed).toBe(2);
      expect(report.opened).toBe(1);
    });
  }

  test('timed out, when no answer comes', async () => {
    const port = await serveRaw(() => {});

    const report = await send(port, { ...get, timeoutMs: 20 }, 1);

    expect(report.causes['timed-out']).toBe(1);
    expect(report.failures[0]?.detail).toStartWith('20 ms, ');
    expect(report.failures[0]?.elapsedMs).toBeGreaterThanOrEqual(20);
  });

  test('timed out, when an answer has begun and does not go on', async () => {
    const port = await serveRaw((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
    const received = Promise.withResolvers<void>();
    class Watched extends Client {
      override received(...what: Parameters<Client['received']>): void {
        super.received(...what);
        received.resolve();
      }
    }
    const tally = new Tally();
    const ground = { host: '127.0.0.1', port, take: () => 1, counted: () => {}, isOver: () => true };
    const client = new Watched({ ...ground, left: () => {} }, get, tally.stream('get'));
    client.start({ share: 0 });
    await received.promise;

    client.expire(performance.now() + 10_000);

    const report = tally.report({ seconds: 1 });
    expect(report.causes['timed-out']).toBe(1);
    expect(report.failures[0]?.detail).toBe('10000 ms, after 4 bytes of the body');
  });

  test('malformed, when the answer is no HTTP', async () => {
    const port = await serveRaw((socket) => socket.write('220 mail.example ESMTP\r\n'));

    const report = await send(port, get, 1);

    expect(report.causes.malformed).toBe(1);
  });

  test('wrong body, when the answer is that to another request', async () => {
    const port = await serveRaw((socket) => socket.write(answer('{"bytes":16,"sha256":"00"}')));

    const report = await send(port, { ...post, check: echoesBody }, 1);

    expect(report.causes['wrong-body']).toBe(1);
    expect(report.failures[0]?.firstBytes).toContain('"sha256":"00"');
  });
});

describe('a kept connection that is closed when its next request has been sent', () => {
  for (const [name, end] of [
    ['by a reset', (socket: Socket) => socket.resetAndDestroy()],
    ['by a clean end', (socket: Socket) => socket.end()],
  ] as const) {
    test(`${name} is no failure of a GET: it is sent once more on a new one`, async () => {
      const port = await serveRaw((socket, { ofConnection, connection }) => {
        if (connection === 1 && ofConnection === 2) end(socket);
        else socket.write(answer('ok'));
      });

      const report = await send(port, get, 3);

      expect(report).toMatchObject({ requests: 3, ok: 3, failed: 0, retried: 1, opened: 2 });
      expect(report.streams[0]).toMatchObject({ label: 'get', retried: 1 });
    });

    test(`${name} is a failure of a POST`, async () => {
      const port = await serveRaw((socket, { ofConnection }) => {
        if (ofConnection === 2) end(socket);
        else socket.write(answer('ok'));
      });

      const report = await send(port, post, 2);

      expect(report).toMatchObject({ requests: 2, ok: 1, failed: 1, retried: 0 });
      expect(report.failures[0]).toMatchObject({
        cause: 'reset',
        connection: { requests: 2, isReused: true },
      });
    });
  }

  test('is told with the replica that had answered on it', async () => {
    const port = await serveRaw((socket, { ofConnection }) => {
      if (ofConnection === 2) socket.end();
      else socket.write('HTTP/1.1 200 OK\r\nX-Replica: shop-1\r\nContent-Length: 0\r\n\r\n');
    });

    const report = await send(port, post, 2);

    expect(report.failures[0]?.connection.replica).toBe('shop-1');
  });

  test('and whose second attempt is closed too is a failure of a GET', async () => {
    const port = await serveRaw((socket, { connection, ofConnection }) => {
      if (connection === 1 && ofConnection === 1) socket.write(answer('ok'));
      else socket.resetAndDestroy();
    });

    const report = await send(port, get, 2);

    expect(report).toMatchObject({ ok: 1, failed: 1, retried: 1 });
    expect(report.causes.reset).toBe(1);
  });

  test('after a byte of the answer is not sent again', async () => {
    const port = await serveRaw((socket, { ofConnection }) => {
      if (ofConnection === 2) socket.end('H');
      else socket.write(answer('ok'));
    });

    const report = await send(port, get, 2);

    expect(report).toMatchObject({ ok: 1, failed: 1, retried: 0 });
    expect(report.causes.cut).toBe(1);
  });
});

test('a body of which a part was sent is sent again from its start', async () => {
  const received = new Map<Socket, string>();
  const port = await serveRaw((socket, { connection, bytes }) => {
    const text = (received.get(socket) ?? '') + bytes.toString('latin1');
    received.set(socket, text);
    if (text.endsWith('\r\n0\r\n\r\n')) socket.write(answer('ok'));
    else if (connection === 1 && text.includes('\r\n0\r\n\r\nPUT')) socket.resetAndDestroy();
  });

  const body = { bytes: 30, pieces: 3, pieceMs: 1 };
  const report = await send(port, { ...get, method: 'PUT', body }, 2);

  expect(report).toMatchObject({ ok: 2, failed: 0, retried: 1, opened: 2 });
  const again = [...received.values()][1] ?? '';
  expect(again.match(/PUT/g)).toHaveLength(1);
  expect(again.slice(again.indexOf('\r\n\r\n') + 4)).toHaveLength(3 * 'a\r\n0123456789\r\n'.length + 5);
});

test('a connection that is closed while it is idle costs nothing but a new one', async () => {
  const port = await serveRaw((socket) => socket.end(answer('ok')));

  const report = await send(port, { ...post, kind: 'idle-kept', pauseMs: [20, 20] }, 2);

  expect(report).toMatchObject({ ok: 2, failed: 0, retried: 0, opened: 2 });
});

test('a connection whose answer announces the close is not used again', async () => {
  const port = await serveRaw((socket, { ofConnection }) => {
    if (ofConnection === 1) socket.write(answer('ok', 200, 'Connection: close\r\n'));
    else socket.resetAndDestroy();
  });

  const report = await send(port, post, 3);

  expect(report).toMatchObject({ ok: 3, failed: 0, opened: 3 });
});

test('bytes that no request asked for are seen', async () => {
  const asked = Promise.withResolvers<Socket>();
  const port = await serveRaw((socket) => {
    socket.write(answer('ok'));
    asked.resolve(socket);
  });
  const load = start({ port, shape: [{ ...get, rate: 0.01 }] });
  await load.until(({ ok }) => ok === 1);

  (await asked.promise).write(answer('stray'));

  expect(await load.until(({ stray }) => stray === 1)).toMatchObject({ requests: 1, ok: 1, stray: 1 });
});

test('every request is counted once, as the service counts it', async () => {
  const seen = { connections: 0, requests: 0 };
  const port = await serveRaw((socket, { ofConnection }) => {
    if (ofConnection === 1) seen.connections++;
    seen.requests++;
    socket.write(answer('ok', 200, `X-Release: ${seen.requests % 2 === 0 ? 'one' : 'two'}\r\n`));
  });
  const streams = [
    { ...get, label: 'kept', connections: 4 },
    { ...get, label: 'new', kind: 'new', connections: 4 },
    { ...post, label: 'post', connections: 4 },
    { ...get, label: 'rated', connections: 2, rate: 2000 },
  ] as const;

  const report = await start({ port, shape: streams, requests: 500 }).ended;

  expect(report).toMatchObject({ requests: 500, ok: 500, failed: 0, opened: seen.connections });
  expect(seen.requests).toBe(500);
  expect(report.releases).toEqual({ one: { ok: 250, failed: 0 }, two: { ok: 250, failed: 0 } });
  expect(report.streams.map(({ requests }) => requests).reduce((sum, count) => sum + count)).toBe(500);
  const fresh = report.streams.find(({ label }) => label === 'new');
  expect(fresh?.opened).toBe(fresh?.requests);
});

describe('a body arrives as it was sent', () => {
  for (const [name, body] of [
    ['at once', { bytes: 1000 }],
    ['larger than the socket takes at once', { bytes: 8 * 1024 * 1024 }],
    ['in pieces', { bytes: 1000, pieces: 7, pieceMs: 1 }],
    ['in one piece', { bytes: 1, pieces: 1 }],
  ] as const) {
    test(name, async () => {
      await using server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: echo });

      const report = await send(server.port ?? 0, { ...post, body, check: echoesBody }, 3);

      expect(report).toMatchObject({ ok: 3, failed: 0, opened: 1 });
    });
  }

  test('and an answer that comes before its end ends the connection', async () => {
    const port = await serveRaw((socket, { ofConnection }) => {
      if (ofConnection === 1) socket.write(answer('', 503));
    });

    const report = await send(port, { ...post, body: { bytes: 100, pieces: 2, pieceMs: 60_000 } }, 2);

    expect(report.causes['503']).toBe(2);
    expect(report.opened).toBe(2);
  });
});

test('stop lets what is in flight end, and sends nothing more', async () => {
  const asked = Promise.withResolvers<Socket>();
  const port = await serveRaw((socket) => asked.resolve(socket));
  const load = start({ port, shape: [get] });
  const socket = await asked.promise;

  const stopping = load.stop();
  socket.write(answer('ok'));

  expect(await stopping).toMatchObject({ requests: 1, ok: 1, abandoned: 0 });
});

test('an aborted signal ends the load at once, and says what was in flight', async () => {
  const asked = Promise.withResolvers<Socket>();
  const port = await serveRaw((socket) => asked.resolve(socket));
  const ending = new AbortController();
  const load = start({ port, shape: [get], signal: ending.signal });
  await asked.promise;

  ending.abort();

  expect(await load.ended).toMatchObject({ requests: 0, abandoned: 1 });
});

test('until says when a claim holds, and that it can hold no more', async () => {
  const port = await serveRaw((socket) => socket.write(answer('ok')));
  const load = start({ port, shape: [get], requests: 10 });
  const never = load.until(({ failed }) => failed > 0);

  const report = await load.until(({ ok }) => ok >= 5);

  expect(report.ok).toBe(5);
  await load.ended;
  await expect(never).rejects.toThrow('the load ended before the claim held');
  expect((await load.until(({ ok }) => ok === 10)).ok).toBe(10);
  await expect(load.until(({ ok }) => ok === 11)).rejects.toThrow('the load ended');
});

test('an address beyond this machine is refused, unless the caller allows it', async () => {
  const port = await serveRaw((socket) => socket.write(answer('ok')));

  expect(() => startLoad({ host: '192.0.2.1', port, shape: [get] })).toThrow(
    'refusing to send load to 192.0.2.1: only loopback addresses may be targets',
  );
  expect(() => startLoad({ host: '127.evil.example', port, shape: [get] })).toThrow('refusing');
  // 0.0.0.0 reaches this machine too, but is not written like an address of it.
  const report = await start({ host: '0.0.0.0', allowHosts: ['0.0.0.0'], port, shape: [get], requests: 1 })
    .ended;
  expect(report.ok).toBe(1);
});

describe('the command', () => {
  test('prints the report as JSON and ends with 0 when all went well', async () => {
    const port = await serveRaw((socket) => socket.write(answer('ok')));

    const { exitCode, stdout } = await command(port, '--requests', '5', '--json');

    expect(JSON.parse(stdout)).toMatchObject({ requests: 5, ok: 5 });
    expect(exitCode).toBe(0);
  });

  test('ends with 1 when a request was not answered well', async () => {
    const port = await freePort();

    const { exitCode, stdout } = await command(port, '--requests', '5');

    expect(stdout).toContain('refused 5');
    expect(exitCode).toBe(1);
  });

  test('does not call it refused when it has no descriptors left itself', async () => {
    const port = await serveRaw((socket) => socket.write(answer('ok')));
    const script = 'ulimit -n 30 && exec "$0" "$@" --preset closed --scale 2 --requests 64 --json';

    const { stdout } = await run(['sh', '-c', script, process.execPath, main, '--port', `${port}`]);

    const report: LoadReport = JSON.parse(stdout);
    expect(report.causes.refused).toBe(0);
    expect(report.causes.unreachable).toBeGreaterThan(0);
    expect(report.failures.map(({ detail }) => detail)).toContain('EMFILE while connecting');
  });

  test('ends with 2 when it is not used well', async () => {
    const { exitCode, stderr } = await command(1, '--host', '192.0.2.1');

    expect(stderr).toContain('refusing to send load to 192.0.2.1');
    expect(exitCode).toBe(2);
  });
});

const main = join(import.meta.dir, 'main.ts');
const get: Stream = { label: 'get', kind: 'kept', connections: 1, path: '/' };
const post: Stream = { ...get, label: 'post', method: 'POST', body: { bytes: 16 } };

function start(options: Parameters<typeof startLoad>[0]): Load {
  const load = startLoad(options);
  opened.loads.push(load);
  return load;
}

function send(port: number, stream: Stream, requests: number): Promise<LoadReport> {
  return start({ port, shape: [stream], requests }).ended;
}

interface Seen {
  /** Which connection of the server it is, and which request of that connection, from 1 on. */
  readonly connection: number;
  readonly ofConnection: number;
  readonly bytes: Buffer;
}

/** A server of bytes: what it does with a request is up to the test. It takes each write to be one request. */
function serveRaw(react: (socket: Socket, seen: Seen) => void): Promise<number> {
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    let ofConnection = 0;
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => react(socket, { connection, ofConnection: ++ofConnection, bytes }));
  });
  opened.servers.push(server);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(portOf(server))));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function answer(body: string, status = 200, headers = ''): string {
  return `HTTP/1.1 ${status} Status\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

async function echo(request: Request): Promise<Response> {
  const body = new Uint8Array(await request.arrayBuffer());
  const sha256 = new Bun.CryptoHasher('sha256').update(body).digest('hex');
  return Response.json({ bytes: body.length, sha256 });
}

function command(port: number, ...args: string[]) {
  return run([process.execPath, main, '--port', `${port}`, '--preset', 'plain', ...args]);
}

async function run(argv: string[]) {
  const child = Bun.spawn(argv, { stdout: 'pipe', stderr: 'pipe' });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode };
}
