import { afterEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { pick, seededRandom } from '../../core/seeded-random.ts';
import { until } from '../fake-state.ts';
import { FrontDoor, type FrontDoorOptions, type Upstream } from './front-door.ts';
import { RawClient, type RawRequest, type RawServer, serveRaw, valuesOf } from './raw-http.ts';
import { Tally } from './tally.ts';

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a request reaches the replica', () => {
  test('with its Host and its own headers, and without those that speak of one connection', async () => {
    const { upstream, ask } = await serve((socket) => socket.write(ok));

    await ask(
      'GET /a?b=c HTTP/1.1\r\nHost: example.test:99\r\nX-Own: 1\r\nAuthorization: Basic x\r\nX-Hop: 1\r\nX-Other-Hop: 1\r\n' +
        'Connection: keep-alive, x-hop , X-OTHER-HOP\r\nKeep-Alive: 1\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: websocket\r\n' +
        'Proxy-Connection: keep-alive\r\nUser-Agent: me\r\nAccept: text/x\r\nAccept-Encoding: br\r\n\r\n',
    );

    const [request] = upstream.requests;
    expect(request?.line).toBe('GET /a?b=c HTTP/1.1');
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      host: 'example.test:99',
      'x-own': '1',
      authorization: 'Basic x',
      'user-agent': 'me',
      accept: 'text/x',
      'accept-encoding': 'br',
      connection: 'keep-alive',
    });
  });

  for (const connection of ['close,', 'keep-alive, ,', 'a b, x-hop', '"x"', 'x-hop;', ',']) {
    test(`though its Connection header is ${connection}`, async () => {
      const { upstream, ask } = await serve((socket) => socket.write(ok));

      const answer = await ask(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\nX-Hop: 1\r\n\r\n`);

      expect(answer?.status).toBe(200);
      const hasHop = upstream.requests[0]?.headers.some(([name]) => name === 'x-hop');
      expect(hasHop).toBe(!connection.includes('x-hop'));
    });
  }

  test('with no wish for compression that the client did not have', async () => {
    const { upstream, ask } = await serve((socket) => socket.write(ok));

    await ask('GET / HTTP/1.1\r\nHost: a\r\n\r\n');

    expect(valuesOf(upstream.requests[0] as RawRequest, 'accept-encoding')).toEqual(['identity']);
  });

  for (const path of [
    '/',
    '/?',
    '/a?',
    '/a//b',
    '/%2F',
    '/%',
    '/%zz',
    '/a;b=1',
    '/a:b@c',
    '/a|b',
    '/?a=b&&=%20',
    '/http://x/y',
  ])
    test(`at ${path}, byte for byte`, async () => {
      const { upstream, ask } = await serve((socket) => socket.write(ok));

      await ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);

      expect(upstream.requests[0]?.line).toBe(`GET ${path} HTTP/1.1`);
    });

  // The runtime reads a request's address as a URL, and writes it as one: what a browser would resolve is resolved.
  for (const [path, arrives] of [
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/a/%2e%2e/b', '/b'],
    ['//a', '/a'],
    ['/a\\b', '/a/b'],
    ['/{"}', '/%7B%22%7D'],
    ['http://elsewhere.test/a?b', '/a?b'],
  ])
    test(`at ${path} as ${arrives}`, async () => {
      const { upstream, ask } = await serve((socket) => socket.write(ok));

      await ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);

      expect(upstream.requests[0]?.line).toBe(`GET ${arrives} HTTP/1.1`);
    });

  for (const head of ['GET /a/b?c=http://x/ HTTP/1.0', 'GET /a/b?c=http://x/ HTTP/1.1\r\nHost: a/b'])
    test(`at its path, though it has no usable Host: ${head.slice(-9).trim()}`, async () => {
      const { upstream, ask } = await serve((socket) => socket.write(ok));

      const answer = await ask(`${head}\r\n\r\n`);

      expect(answer?.body).toBe('ok');
      expect(upstream.requests[0]?.line).toBe('GET /a/b?c=http://x/ HTTP/1.1');
    });

  for (const method of ['PUT', 'DELETE', 'PATCH', 'POST', 'OPTIONS', 'PROPFIND'])
    test(`as ${method}, with its body`, async () => {
      const { upstream, ask } = await serve((socket) => socket.write(ok));

      const answer = await ask(`${method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`);

      expect(answer?.status).toBe(200);
      expect(upstream.requests[0]).toMatchObject({ line: `${method} /a HTTP/1.1`, body: 'hello' });
    });

  test('with a body of chunks', async () => {
    const { upstream, ask } = await serve((socket) => socket.write(ok));

    await ask(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n',
    );

    expect(upstream.requests[0]?.body).toBe('hello');
    expect(valuesOf(upstream.requests[0] as RawRequest, 'content-length').length).toBeLessThan(2);
  });

  test('with a body of 5 MB, of which the first part is there before the last was sent', async () => {
    const arrived = Promise.withResolvers<void>();
    const received = createHash('sha256');
    const { front } = await serveHandler(async (request) => {
      for await (const chunk of request.body ?? []) {
        received.update(chunk);
        arrived.resolve();
      }
      return new Response('ok');
    });
    const half = Buffer.alloc(2.5 * 2 ** 20, 'abc');
    const client = openClient(front);

    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${half.length * 2}\r\n\r\n`);
    client.send(half);
    await arrived.promise;
    client.send(half);
    const answer = await client.answer();

    expect(answer?.body).toBe('ok');
    expect(received.digest('hex')).toBe(createHash('sha256').update(half).update(half).digest('hex'));
  });

  test('that waits to be told to go on, is told so', async () => {
    const { upstream, front } = await serve((socket) => socket.write(ok));
    const client = openClient(front);

    client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    await client.until((bytes) => bytes.includes('100 Continue'));
    client.send('hello');

    expect((await client.answer())?.body).toBe('ok');
    expect(upstream.requests.at(-1)?.body).toBe('hello');
  });

  test('one after the other on one connection', async () => {
    const { upstream, front } = await serve((socket) => socket.write(ok));
    const client = openClient(front);

    for (const path of ['/1', '/2', '/3']) {
      client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await client.answer();
    }

    expect(upstream.requests.map(({ line }) => line.split(' ')[1])).toEqual(['/1', '/2', '/3']);
  });
});

describe('limits of the runtime that a client may meet', () => {
  test('a connection on which a request is sent before the answer to the one before is closed', async () => {
    const { front, tallies } = await serve((socket) => socket.write(ok));
    const client = openClient(front);

    client.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.closed();

    expect(client.bytes).toBe('');
    await idle(tallies);
  });

  test('the head of a stream is ended with its first part, not before', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
    const sent = Promise.withResolvers<Socket>();
    const { front } = await serve((socket) => socket.write(head, () => sent.resolve(socket)));
    const client = openClient(front);
    client.send(get);
    const socket = await sent.promise;

    const before = client.bytes;
    socket.write('4\r\n: hi\r\n');
    await client.until((bytes) => bytes.includes('\r\n\r\n'));

    expect(before).not.toContain('\r\n\r\n');
    expect(client.bytes).toContain(': hi');
  });

  test('the body of a GET is left out', async () => {
    const { upstream, ask } = await serve((socket) => socket.write(ok));

    await ask('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');

    expect(upstream.requests[0]?.body).toBe('');
  });

  test('CONNECT is refused, and is nobody’s error', async () => {
    const { ask, tallies } = await serve((socket) => socket.write(ok));

    const answer = await ask('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');

    expect(answer?.status).toBe(400);
    expect(count(tallies)).toEqual({ ok: 0, errors: 0, lost: 0, retried: 0 });
  });
});

describe('an answer reaches the client', () => {
  test('with its headers, each Set-Cookie of its own, and one Date, and without what speaks of one connection', async () => {
    const { ask } = await serve((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nServer: s\r\nContent-Type: text/x\r\nSet-Cookie: a=1\r\n' +
          'Set-Cookie: b=2\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=1\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok',
      ),
    );

    const answer = await ask(get);

    expect(answer?.headers.toSorted()).toEqual([
      ['content-length', '2'],
      ['content-type', 'text/x'],
      ['date', 'Mon, 01 Jan 2001 00:00:00 GMT'],
      ['server', 's'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
  });

  test('without a content type that the replica did not give', async () => {
    const { ask } = await serve((socket) => socket.write(ok));

    const answer = await ask(get);

    expect(answer?.headers.map(([name]) => name).toSorted()).toEqual(['content-length', 'date']);
  });

  for (const status of [200, 201, 304, 400, 404, 418, 500, 503])
    test(`with its status ${status}`, async () => {
      const { ask, tallies } = await serve((socket) =>
        socket.write(`HTTP/1.1 ${status} X\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n`),
      );

      const answer = await ask(get);

      expect(answer?.status).toBe(status);
      expect(valuesOf(answer as RawAnswerLike, 'x-a')).toEqual(['1']);
      expect(count(tallies)).toMatchObject(status < 500 ? { ok: 1, errors: 0 } : { ok: 0, errors: 1 });
    });

  test('with 500, which is counted by its path where that is declared, and by no path of a user’s', async () => {
    const { ask, tallies } = await serve((socket) =>
      socket.write('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n'),
    );

    await ask('GET /declared?token=1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await ask('GET /users/ada HTTP/1.1\r\nHost: a\r\n\r\n');

    expect(tallies[0]?.front.toCount({ source: 'front' }).faults).toEqual([
      { path: '/declared', status: 500, count: 1 },
      { status: 500, count: 1 },
    ]);
  });

  test('with no body, where it has none', async () => {
    const { ask } = await serve((socket) => socket.write('HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n'));

    const answers = [await ask(get), await ask(get)];

    expect(answers.map((answer) => answer?.status)).toEqual([204, 204]);
  });

  for (const status of [204, 304])
    test(`with status ${status}, whose length is that of a body which does not come`, async () => {
      const { ask, tallies } = await serve((socket) =>
        socket.write(`HTTP/1.1 ${status} X\r\nContent-Type: text/x\r\nContent-Length: 1234\r\n\r\n`),
      );

      const answers = [await ask(get, { isHead: true }), await ask(get, { isHead: true })];

      expect(answers.map((answer) => answer?.status)).toEqual([status, status]);
      expect(answers.map((answer) => answer?.body)).toEqual(['', '']);
      expect(count(tallies)).toEqual({ ok: 2, errors: 0, lost: 0, retried: 0 });
    });

  test('to HEAD with the length that a GET would have', async () => {
    const { ask } = await serve((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 1234\r\n\r\n'),
    );

    const answer = await ask('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', { isHead: true });

    expect(valuesOf(answer as RawAnswerLike, 'content-length')).toEqual(['1234']);
  });

  test('to HEAD of a stream without a length', async () => {
    const { ask } = await serve((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
    );

    const answer = await ask('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', { isHead: true });

    expect(valuesOf(answer as RawAnswerLike, 'content-length')).toEqual([]);
  });

  test('to HEAD with no length, where the replica gives none', async () => {
    const { ask } = await serve((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n\r\n'));

    const answer = await ask('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', { isHead: true });

    expect(answer?.status).toBe(200);
    expect(valuesOf(answer as RawAnswerLike, 'content-length')).toEqual([]);
  });

  test('as the redirect that it is', async () => {
    const { ask, upstream } = await serve((socket) =>
      socket.write('HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nok'),
    );

    const answer = await ask(get);

    expect(answer).toMatchObject({ status: 302, body: 'ok' });
    expect(valuesOf(answer as RawAnswerLike, 'location')).toEqual(['/elsewhere']);
    expect(upstream.requests.length).toBe(1);
  });

  for (const size of [10, 300_000])
    test(`compressed as it is, ${size} bytes`, async () => {
      const gzipped = Bun.gzipSync(Buffer.from(randomBytes(size)));
      const { ask } = await serveHandler(
        () => new Response(gzipped, { headers: { 'content-encoding': 'gzip', 'content-type': 'text/x' } }),
      );

      const answer = await ask('GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');

      expect(valuesOf(answer as RawAnswerLike, 'content-encoding')).toEqual(['gzip']);
      expect(Buffer.from(answer?.body ?? '', 'latin1').equals(gzipped)).toBe(true);
    });

  for (const size of [0, 1, 256 * 1024, 256 * 1024 + 1, 2 ** 20])
    test(`whole, with ${size} bytes, ${size > 256 * 1024 ? 'in chunks' : 'and their length'}`, async () => {
      const bytes = randomBytes(size);
      const { ask, tallies } = await serveHandler(() => new Response(bytes));

      const answer = await ask(get);

      expect(Buffer.from(answer?.body ?? '', 'latin1').equals(bytes)).toBe(true);
      expect(valuesOf(answer as RawAnswerLike, 'content-length')).toEqual(
        size > 256 * 1024 ? [] : [String(size)],
      );
      expect(count(tallies)).toEqual({ ok: 1, errors: 0, lost: 0, retried: 0 });
    });

  for (const type of ['text/plain', 'text/event-stream'])
    test(`as a stream of ${type}, each part as it comes`, async () => {
      const parts = ['data: one\n\n', 'data: two\n\n', 'data: three\n\n'];
      const next = Promise.withResolvers<Socket>();
      const { front, tallies } = await serve((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
        next.resolve(socket);
      });
      const client = openClient(front);

      client.send(get);
      const socket = await next.promise;
      for (const part of parts) {
        socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
        await client.until((bytes) => bytes.includes(part));
      }
      socket.write('0\r\nX-Trailer: ignored\r\n\r\n');
      const answer = await client.answer();

      expect(answer?.body).toBe(parts.join(''));
      expect(client.bytes).not.toContain('X-Trailer');
      await idle(tallies);
      expect(count(tallies)).toEqual({ ok: 1, errors: 0, lost: 0, retried: 0 });
    });

  test('after the interim answers, which are not passed on', async () => {
    const { ask } = await serve((socket) =>
      socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${ok}`),
    );

    expect((await ask(get))?.body).toBe('ok');
  });
});

describe('an answer that cannot be read is told as that, asked for once, and an error of the replica’s:', () => {
  const fields = Array.from({ length: 300 }, (_, index) => `X-${index}: 1\r\n`).join('');
  const answers = {
    'too many header fields': `HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`,
    'status 600': 'HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok',
    'status 999 without a body': 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n',
    'a length that is no number': 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
    'a chunk without a size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  };

  for (const [what, bytes] of Object.entries(answers))
    test(what, async () => {
      const { ask, tallies, upstreams } = await serve(
        (socket) => socket.write(bytes),
        (socket) => socket.write(bytes),
      );

      const answer = await ask(get);

      expect(answer?.status).toBe(502);
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({
        detail: 'the answer of the replica could not be read',
      });
      expect(valuesOf(answer as RawAnswerLike, 'retry-after')).toEqual([]);
      expect(upstreams.flatMap(({ requests }) => requests).length).toBe(1);
      expect(count(tallies)).toEqual({ ok: 0, errors: 1, lost: 0, retried: 0 });
      expect(tallies.map(({ cuts }) => cuts)).toEqual([0, 0]);
      await idle(tallies);
    });
});

describe('a client that goes away', () => {
  test('before the answer is noticed by the replica, and is nobody’s error', async () => {
    const aborted = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { front, tallies } = await serveHandler((request) => {
      request.signal.addEventListener('abort', () => aborted.resolve());
      asked.resolve();
      return new Promise<Response>(() => undefined);
    });
    const client = openClient(front);
    client.send(get);
    await asked.promise;

    client.socket.destroy();

    await aborted.promise;
    await idle(tallies);
    expect(count(tallies)).toEqual({ ok: 0, errors: 0, lost: 0, retried: 0 });
  });

  for (const isReading of [true, false])
    test(`in the middle of a stream that it ${isReading ? 'reads' : 'does not read'}`, async () => {
      const closed = Promise.withResolvers<void>();
      const { front, tallies } = await serve((socket) => {
        socket.on('close', () => closed.resolve());
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
        const fill = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(2 ** 16, 'x'))) {
            // Until the other side has no more room.
          }
        };
        socket.on('drain', fill);
        fill();
      });
      const client = openClient(front);
      client.send(get);
      await client.until((bytes) => bytes.length > 1_000);
      if (!isReading) {
        client.socket.pause();
        await until('nothing moves any more', () => tallies[0]?.inFlight === 1);
      }

      client.socket.destroy();

      await closed.promise;
      await idle(tallies);
      expect(count(tallies)).toEqual({ ok: 1, errors: 0, lost: 0, retried: 0 });
    });

  test('in the middle of its own request', async () => {
    const asked = Promise.withResolvers<void>();
    const { front, tallies } = await serveHandler(async (request) => {
      asked.resolve();
      await request.bytes();
      return new Response('ok');
    });
    const client = openClient(front);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome');
    await asked.promise;

    client.socket.destroy();

    await idle(tallies);
    expect(count(tallies)).toEqual({ ok: 0, errors: 0, lost: 0, retried: 0 });
  });

  test('while it is held, is not sent on', async () => {
    const ground = await serve((socket) => socket.write(ok));
    ground.routable.length = 0;
    const client = openClient(ground.front);
    client.send(get);
    await until('it is held', () => ground.asked() > 0);

    client.socket.destroy();
    const asked = ground.asked();
    await until('it was looked at again', () => ground.asked() > asked || client.isClosed);
    ground.routable.push(...ground.tallies);
    ground.change();

    expect((await ground.ask(get))?.status).toBe(200);
    expect(ground.upstream.requests.length).toBe(1);
    expect(ground.front.unreached).toMatchObject({ errors: 0, lost: 0 });
  });
});

describe('a replica that goes away', () => {
  const ways = {
    'resets the connection': (socket: Socket) => socket.resetAndDestroy(),
    'closes the connection': (socket: Socket) => socket.end(),
    'resets it after half of a head': (socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-');
      socket.resetAndDestroy();
    },
    'resets it between the head and the first part of a stream': (socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      socket.resetAndDestroy();
    },
    'closes it in the middle of a short answer': (socket: Socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
  };

  for (const [what, leave] of Object.entries(ways)) {
    test(`and ${what}: a GET is sent to another, and counted as retried`, async () => {
      const { ask, tallies } = await serve(leave, (socket) => socket.write(ok));

      const answers = [await ask(get), await ask(get)];

      expect(answers.map((answer) => answer?.body)).toEqual(['ok', 'ok']);
      expect(tallies[0]?.front).toMatchObject({ ok: 0, errors: 0, lost: 0, retried: 1 });
      expect(tallies[1]?.front).toMatchObject({ ok: 2, errors: 0, lost: 0, retried: 0 });
      await idle(tallies);
    });

    test(`and ${what}: a POST is answered with 502, sent once, and an error of the replica’s`, async () => {
      const { ask, tallies, upstreams } = await serve(leave, leave);

      const answer = await ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');

      expect(answer?.status).toBe(502);
      expect(valuesOf(answer as RawAnswerLike, 'content-type')).toEqual(['application/problem+json']);
      expect(JSON.parse(answer?.body ?? '')).toEqual({
        type: 'about:blank',
        title: 'Bad Gateway',
        status: 502,
        detail: 'the replica ended before it answered',
      });
      expect(upstreams.flatMap(({ requests }) => requests).length).toBe(1);
      expect(count(tallies)).toEqual({ ok: 0, errors: 1, lost: 0, retried: 0 });
      await idle(tallies);
    });

    test(`and ${what}, as all others do: a GET is tried three times, and is one error`, async () => {
      const { ask, tallies } = await serve(leave, leave);

      const answer = await ask(get);

      expect(answer?.status).toBe(502);
      expect(count(tallies)).toEqual({ ok: 0, errors: 1, lost: 0, retried: 2 });
      await idle(tallies);
    });
  }

  test('and listens no more is passed over', async () => {
    const { ask, tallies, upstreams } = await serve(
      (socket) => socket.write(ok),
      (socket) => socket.write(ok),
    );
    upstreams[0]?.close();

    const answers = [await ask(get), await ask(get), await ask(get), await ask(get)];

    expect(answers.map((answer) => answer?.body)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(tallies[0]?.front.retried).toBe(2);
    expect(tallies[1]?.front.ok).toBe(4);
  });

  for (const way of ['resets the connection', 'listens no more'] as const) {
    test(`and ${way}, as the only one: a GET waits until its end is known, and is answered by the one in its place`, async () => {
      const ground = await serve(
        (socket) => socket.resetAndDestroy(),
        (socket) => socket.write(ok),
      );
      const [ended, next] = ground.tallies as readonly [FakeUpstream, FakeUpstream];
      ground.routable.length = 0;
      ground.routable.push(ended);
      if (way === 'listens no more') ground.upstreams[0]?.close();
      const asked = ground.ask(get);
      await until('it has failed once', () => ended.cuts > 0);

      ground.routable.length = 0;
      ground.change();
      ground.routable.push(next);
      ground.change();

      expect((await asked)?.body).toBe('ok');
      expect(ended).toMatchObject({ begun: 1, front: { errors: 0, retried: 1 } });
    });
  }

  test('as all but one do is passed over: a GET finds the one that answers', async () => {
    const leave = (socket: Socket) => socket.resetAndDestroy();
    const { ask, tallies } = await serve(leave, leave, (socket) => socket.write(ok));

    const answers = [await ask(get), await ask(get), await ask(get)];

    expect(answers.map((answer) => answer?.body)).toEqual(['ok', 'ok', 'ok']);
    expect(count(tallies)).toEqual({ ok: 3, errors: 0, lost: 0, retried: 3 });
  });

  describe('and listens no more, as all others do:', () => {
    test('requests are held, and are answered by one that listens again', async () => {
      const ground = await serve(
        (socket) => socket.write(ok),
        (socket) => socket.write(ok),
        (socket) => socket.write(ok),
      );
      const [first, second, back] = ground.tallies as readonly [FakeUpstream, FakeUpstream, FakeUpstream];
      ground.routable.pop();
      for (const upstream of ground.upstreams.slice(0, 2)) upstream.close();
      const asked = [
        ground.ask(get),
        ground.ask(get),
        ground.ask('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', { isHead: true }),
      ];
      await until('each has failed at both', () => first.cuts >= 3 && second.cuts >= 3);
      // Each looks once more and waits.
      const begun = first.begun + second.begun;

      ground.routable.push(back);
      ground.change();

      expect((await Promise.all(asked)).map((answer) => answer?.status)).toEqual([200, 200, 200]);
      expect(first.begun + second.begun - begun).toBeLessThanOrEqual(6);
      expect(ground.front.unreached).toMatchObject({ errors: 0, lost: 0 });
    });

    test('for too long, a request is refused, and counted', async () => {
      const ground = await serve(
        (socket) => socket.write(ok),
        (socket) => socket.write(ok),
      );
      for (const upstream of ground.upstreams) upstream.close();
      ground.holdMs = 30;

      const answer = await ground.ask(get);

      expect(answer?.status).toBe(503);
      expect(ground.front.unreached).toMatchObject({ errors: 1, lost: 0 });
      await idle(ground.tallies);
    });
  });

  test('as each that reads the GET on a kept connection does: it ends three of them, and no more', async () => {
    const end = (socket: Socket, { line }: RawRequest) => {
      if (line.includes('/well')) return void socket.write(ok);
      ended += 1;
      for (const { requests, close } of ground.upstreams) if (requests.at(-1)?.line === line) close();
    };
    let ended = 0;
    const ground = await serve(end, end, end, end, end);
    for (const _ of ground.tallies) await ground.ask('GET /well HTTP/1.1\r\nHost: a\r\n\r\n');

    const answer = await ground.ask(get);

    expect(answer?.status).toBe(502);
    expect(ended).toBe(3);
    expect(count(ground.tallies)).toMatchObject({ errors: 1, retried: 2 });
    await idle(ground.tallies);
  });

  test('in the middle of a stream: the client sees the cut, and it is an error of the replica’s', async () => {
    const begun = Promise.withResolvers<Socket>();
    const { front, tallies } = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      begun.resolve(socket);
    });
    const client = openClient(front);

    client.send(get);
    const socket = await begun.promise;
    await client.until((bytes) => bytes.includes('half'));
    socket.resetAndDestroy();
    const answer = await client.answer();

    expect(answer).toBeUndefined();
    await idle(tallies);
    expect(tallies[0]?.front.errors).toBe(1);
    expect(tallies[0]?.front.lost).toBe(0);
  });

  test('because we ended it in the middle of a request: the request is lost', async () => {
    const { ask, tallies } = await serve((socket) => {
      if (tallies[0]) tallies[0].wasCut = true;
      socket.resetAndDestroy();
    });

    const answer = await ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');

    expect(answer?.status).toBe(502);
    expect(count(tallies)).toEqual({ ok: 0, errors: 0, lost: 1, retried: 0 });
  });

  for (const method of ['GET', 'POST'])
    test(`and closes a connection that was kept: the next ${method} uses a new one`, async () => {
      const { ask, tallies, upstream } = await serve((socket) => socket.end(ok));

      const answers = [];
      for (let n = 0; n < 20; n += 1)
        answers.push(await ask(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`));

      expect(answers.map((answer) => answer?.status)).toEqual(Array(20).fill(200));
      expect(upstream.connections()).toBe(20);
      expect(count(tallies)).toEqual({ ok: 20, errors: 0, lost: 0, retried: 0 });
    });

  test('under a connection that was kept, when the next GET is on its way: it is sent again', async () => {
    const { ask, upstream } = await serve((socket) => {
      if (upstream.requests.length % 2 === 1) socket.write(ok);
      else socket.resetAndDestroy();
    });

    const answers = [];
    for (let n = 0; n < 10; n += 1) answers.push(await ask(get));

    expect(answers.map((answer) => answer?.status)).toEqual(Array(10).fill(200));
  });
});

describe('with no replica that may receive traffic', () => {
  test('a request waits, and is released by the change that brings one', async () => {
    const ground = await serve((socket) => socket.write(ok));
    ground.routable.length = 0;
    const asked = ground.ask(get);
    await until('it is held', () => ground.asked() > 0);

    ground.routable.push(...ground.tallies);
    ground.change();

    expect((await asked)?.body).toBe('ok');
    expect(ground.front.unreached).toMatchObject({ ok: 0, errors: 0, lost: 0 });
  });

  test('and none expected, it is refused at once, and nobody’s error', async () => {
    const ground = await serve((socket) => socket.write(ok));
    ground.routable.length = 0;
    ground.isExpected = false;

    const answer = await ground.ask(get);

    expect(answer?.status).toBe(503);
    expect(valuesOf(answer as RawAnswerLike, 'retry-after')).toEqual(['1']);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ detail: 'no release serves here yet' });
    expect(ground.front.unreached).toMatchObject({ errors: 0, lost: 0 });
  });

  for (const [isLeaving, counted] of [
    [true, { errors: 0, lost: 1 }],
    [false, { errors: 1, lost: 0 }],
  ] as const)
    test(`for too long, it is refused: ${isLeaving ? 'lost, if we take replicas away' : 'an error, if we do not'}`, async () => {
      const ground = await serve((socket) => socket.write(ok));
      ground.routable.length = 0;
      ground.isLeaving = isLeaving;
      ground.holdMs = 30;

      const answer = await ground.ask(get);

      expect(answer?.status).toBe(503);
      expect(ground.front.unreached).toMatchObject(counted);
    });

  test('a request is not held where none could be for as long as that already', async () => {
    const ground = await serve((socket) => socket.write(ok));
    ground.routable.length = 0;
    ground.awaySince = performance.now() - ground.holdMs;

    const answer = await ground.ask(get);

    expect(answer?.status).toBe(503);
    expect(valuesOf(answer as RawAnswerLike, 'retry-after')).toEqual(['1']);
    expect(ground.asked()).toBe(1);
  });

  test('a POST that was held is sent once', async () => {
    const ground = await serve((socket) => socket.write(ok));
    ground.routable.length = 0;
    const asked = ground.ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await until('it is held', () => ground.asked() > 0);

    ground.routable.push(...ground.tallies);
    ground.change();

    expect((await asked)?.body).toBe('ok');
    expect(ground.upstream.requests.map(({ body }) => body)).toEqual(['hello']);
  });
});

test('replicas take turns', async () => {
  const { ask, tallies } = await serve(
    (socket) => socket.write(ok),
    (socket) => socket.write(ok),
    (socket) => socket.write(ok),
  );

  for (let n = 0; n < 30; n += 1) await ask(get);

  expect(tallies.map(({ front }) => front.ok)).toEqual([10, 10, 10]);
});

test('the address is one front door’s alone: a second one cannot open there', async () => {
  const { front, options } = await serve((socket) => socket.write(ok));
  const second = new FrontDoor(options);
  opened.push(second);

  expect(() => second.open(front.port ?? 0)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
});

test('closing lets what is in flight finish, and refuses what is new', async () => {
  const held = Promise.withResolvers<Socket>();
  const { front, ask } = await serve((socket) => held.resolve(socket));
  const port = front.port ?? 0;
  const asked = ask(get);
  const socket = await held.promise;

  const closed = front.close();
  const late = new RawClient(port);
  await late.closed();
  socket.write(ok);

  expect((await asked)?.body).toBe('ok');
  expect(late.bytes).toBe('');
  await closed;
});

const replay = process.env.CAUSEWAY_SEED;
const seed = replay === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(replay);

test('whatever replicas and clients do, nothing is left in flight, and each request is counted once', async () => {
  const random = seededRandom(seed);
  const behave = (socket: Socket, request: RawRequest) => misbehave(random, socket, request);
  const { front, tallies, ask } = await serve(behave, behave, behave);

  const clients = Array.from({ length: 12 }, () => playClient(random, front));
  const ends = (await Promise.all(clients)).flat();
  await until('nothing is in flight', () => tallies.every(({ inFlight }) => inFlight === 0));

  const { ok: answered, errors, lost, retried } = count(tallies);
  const begun = tallies.reduce((sum, tally) => sum + tally.begun, 0);
  const left = ends.filter((end) => end === 'left').length;
  const told = `CAUSEWAY_SEED=${seed} replays this`;
  expect(lost, told).toBe(0);
  // An answer that was streamed and cut is counted twice: as answered, and as an error.
  expect(answered + errors + retried, told).toBeGreaterThanOrEqual(begun - left);
  expect(front.unreached, told).toMatchObject({ errors: 0, lost: 0 });
  expect((await ask('GET /well HTTP/1.1\r\nHost: a\r\n\r\n'))?.status, told).toBe(200);
});

/** Sends one request after the other, and leaves at a random moment of some. */
async function playClient(random: () => number, front: FrontDoor): Promise<readonly string[]> {
  const ends: string[] = [];
  for (let n = 0; n < 25; n += 1) {
    const client = openClient(front);
    const isHead = random() < 0.1;
    const isPost = !isHead && random() < 0.3;
    const leaves = random() < 0.3;
    client.send(
      isPost
        ? `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${leaves ? 50_000 : 5}\r\n\r\nhello`
        : `${isHead ? 'HEAD' : 'GET'} / HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    if (leaves) {
      for (let turns = Math.floor(random() * 30); turns > 0; turns -= 1) await new Promise(setImmediate);
      if (random() < 0.5) client.socket.resetAndDestroy();
      else client.socket.destroy();
      ends.push('left');
    } else {
      const answer = await client.answer({ isHead });
      ends.push(answer ? String(answer.status) : 'cut');
      client.socket.destroy();
    }
  }
  return ends;
}

function misbehave(random: () => number, socket: Socket, { line }: RawRequest): void {
  const isHead = line.startsWith('HEAD');
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n';
  const big = 400_000;
  const leave = () => (random() < 0.5 ? socket.resetAndDestroy() : socket.end());
  const later = (act: () => void) => void setTimeout(act, random() * 3);
  const ways: (() => void)[] = [
    () => void socket.write(`${head}Content-Length: 2\r\n\r\n${isHead ? '' : 'ok'}`),
    () => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
    () => void socket.write('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n'),
    () => leave(),
    () => later(leave),
    () => {
      socket.write('HTTP/1.1 200 OK\r\nConte');
      later(leave);
    },
    () => socket.end('nothing that HTTP knows\r\n\r\n'),
    () => {
      socket.write(`${head}Content-Length: 10\r\n\r\n${isHead ? '' : 'half'}`);
      if (!isHead) later(leave);
    },
    () => {
      socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
      if (!isHead) later(() => socket.write('4\r\nwell\r\n0\r\n\r\n'));
    },
    () => {
      socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
      if (isHead) return;
      socket.write('4\r\nhalf\r\n');
      later(leave);
    },
    () => void socket.write(`${head}Content-Length: ${big}\r\n\r\n${isHead ? '' : 'x'.repeat(big)}`),
    () => {
      socket.write(`${head}Content-Length: ${big}\r\n\r\n`);
      if (isHead) return;
      socket.write('x'.repeat(big / 2));
      later(leave);
    },
    () => void socket.end(`${head}Connection: close\r\nContent-Length: 2\r\n\r\n${isHead ? '' : 'ok'}`),
  ];
  const way = line.includes('/well') ? ways[0] : pick(random, ways);
  way?.();
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

type RawAnswerLike = Pick<RawRequest, 'headers'>;

/** As much of a replica as the front door needs, in front of a server of the test's. */
class FakeUpstream implements Upstream {
  patienceMs = 1_000;
  declares = (path: string) => path === '/declared';
  front = new Tally();
  wasCut = false;
  inFlight = 0;
  begun = 0;
  cuts = 0;
  readonly #session = new Bun.FetchSession({ proxy: false });
  readonly #anew = new Bun.FetchSession({ proxy: false, keepAlive: false });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  forward(pathAndQuery: string, init: BunFetchRequestInit): Promise<Response> {
    return this.#session.fetch(`http://127.0.0.1:${this.#port}${pathAndQuery}`, init);
  }

  forwardAnew(pathAndQuery: string, init: BunFetchRequestInit): Promise<Response> {
    return this.#anew.fetch(`http://127.0.0.1:${this.#port}${pathAndQuery}`, init);
  }

  noteCut(): void {
    this.cuts += 1;
  }

  begin(): void {
    this.begun += 1;
    this.inFlight += 1;
  }

  finish(): void {
    this.inFlight -= 1;
  }
}

/** A front door before upstreams that write their answers byte by byte. */
async function serve(...answers: ((socket: Socket, request: RawRequest) => void)[]) {
  const upstreams = await Promise.all(answers.map(serveRaw));
  opened.push(...upstreams);
  const ground = openFront(upstreams.map(({ port }) => new FakeUpstream(port)));
  return Object.assign(ground, { upstreams, upstream: upstreams[0] as RawServer });
}

/** A front door before a service as people write them. */
async function serveHandler(answer: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: answer });
  opened.push({ close: () => server.stop(true) });
  return openFront([new FakeUpstream(server.port ?? 0)]);
}

function openFront(tallies: readonly FakeUpstream[]) {
  const routable = [...tallies];
  let change = Promise.withResolvers<void>();
  let asked = 0;
  const ground = {
    tallies,
    routable,
    isExpected: true,
    isLeaving: false,
    awaySince: undefined as number | undefined,
    holdMs: 10_000,
    /** How often it was looked who may receive traffic. */
    asked: () => asked,
    change: () => {
      change.resolve();
      change = Promise.withResolvers();
    },
  };
  const options: FrontDoorOptions = {
    routable: () => {
      asked += 1;
      return routable;
    },
    changed: () => change.promise,
    isExpected: () => ground.isExpected,
    isLeaving: () => ground.isLeaving,
    awaySince: () => ground.awaySince,
    get holdMs() {
      return ground.holdMs;
    },
  };
  const front = new FrontDoor(options);
  front.open(0);
  opened.push({ close: () => front.close() });
  const ask = async (request: string, { isHead = false } = {}) => {
    const client = openClient(front);
    client.send(request);
    const answer = await client.answer({ isHead });
    client.socket.destroy();
    return answer;
  };
  return Object.assign(ground, { front, options, ask });
}

function openClient(front: FrontDoor): RawClient {
  const client = new RawClient(front.port ?? 0);
  opened.push({ close: () => client.socket.destroy() });
  return client;
}

function count(tallies: readonly FakeUpstream[]) {
  const total = { ok: 0, errors: 0, lost: 0, retried: 0 };
  for (const { front } of tallies)
    for (const key of ['ok', 'errors', 'lost', 'retried'] as const) total[key] += front[key];
  return total;
}

async function idle(tallies: readonly FakeUpstream[]): Promise<void> {
  await until('nothing is in flight', () => tallies.every(({ inFlight }) => inFlight === 0));
}

/** Bytes that cannot be compressed, and show a lost, doubled or swapped part. */
function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(size);
  return Uint8Array.from({ length: size }, () => random() * 256);
}
