import { expect, test } from 'bun:test';
import { createTestService } from '../fixtures/test-service.ts';
import type { Endpoint } from './endpoint.ts';

function endpoint(path: string, handle: Endpoint['handle'], methods = ['GET', 'HEAD']): Endpoint {
  return { path, summary: 'Made for a test', responses: {}, methods, handle };
}

test.each(['/nothing', '/livez/', '//', '//livez', '/LIVEZ', '/%6Civez', '/livez%00', '/livez/more'])(
  'there is nothing at %s but a problem',
  async (path) => {
    const { ask } = createTestService();

    const response = await ask(path);

    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'there is nothing at this path',
    });
  },
);

test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])(
  '%s is not allowed, and the answer says what is',
  async (method) => {
    const { ask } = createTestService();

    const response = await ask('/', { method });

    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status: 405, detail: 'this path answers GET, HEAD' });
  },
);

test('a query plays no part in routing', async () => {
  const { ask } = createTestService();

  expect((await ask('/?a=/b')).status).toBe(200);
  expect((await ask('/livez?x=/..')).status).toBe(200);
});

test('what an endpoint throws is reported and not told', async () => {
  const thrown = new Error('the password is 1234');
  const { ask, errors, lines } = createTestService({
    extraEndpoints: [
      endpoint('/throws', () => {
        throw thrown;
      }),
      endpoint('/rejects', async () => {
        throw thrown;
      }),
    ],
  });

  const answers = [await ask('/throws'), await ask('/rejects')];

  for (const response of answers) {
    expect(response.status).toBe(500);
    expect(await response.text()).toBe(
      '{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the service failed to answer; its log says why"}',
    );
  }
  expect(errors).toEqual([thrown, thrown]);
  expect(lines.map((line) => JSON.parse(line).status)).toEqual([500, 500]);
});

test('every request is one line in the access log', async () => {
  const { ask, lines } = createTestService();

  await ask('/?token=secret', {
    headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  });
  await ask('/nothing"\n', { method: 'DELETE' });

  expect(lines).toEqual([
    '{"time":"2018-06-23T04:45:25.042Z","method":"GET","path":"/","status":200,"duration_ms":0.25,"trace_id":"0af7651916cd43dd8448eb211c80319c","parent_id":"b7ad6b7169203331"}\n',
    '{"time":"2018-06-23T04:45:25.042Z","method":"DELETE","path":"/nothing%22","status":404,"duration_ms":0.25}\n',
  ]);
});

test('the access log can be off', async () => {
  const { ask, lines } = createTestService({ env: { ACCESS_LOG: 'off' } });

  await ask('/');

  expect(lines).toEqual([]);
});

test('answers ask to leave the connection from the signal on, those already begun too', async () => {
  const released = Promise.withResolvers<void>();
  const { ask, lifecycle } = createTestService({
    extraEndpoints: [
      endpoint('/held', async () => {
        await released.promise;
        return new Response('held');
      }),
    ],
  });
  lifecycle.becomeReady();
  const before = await ask('/');
  const held = ask('/held');

  lifecycle.drain();
  released.resolve();
  const after = [await held, await ask('/'), await ask('/nothing')];

  expect(before.headers.get('connection')).toBeNull();
  expect(after.map((response) => response.headers.get('connection'))).toEqual(['close', 'close', 'close']);
});

test('requests in flight are named until they are answered', async () => {
  const released = Promise.withResolvers<void>();
  const { ask, service } = createTestService({
    extraEndpoints: [
      endpoint('/held', async () => {
        await released.promise;
        return new Response('held');
      }),
    ],
  });

  const held = ask('/held');
  const during = service.inFlight();
  released.resolve();
  await held;

  expect(during).toEqual(['GET /held']);
  expect(service.inFlight()).toEqual([]);
});

test('a body that grows over the limit while an endpoint reads it is answered 413', async () => {
  const { ask, errors } = createTestService({
    env: { MAX_BODY_BYTES: '3' },
    extraEndpoints: [endpoint('/echo', async (request) => new Response(await request.text()), ['POST'])],
  });
  const post = (body: string) =>
    ask('/echo', { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body });

  const answers = [await post('abc'), await post('abcd')];

  expect(answers.map((response) => response.status)).toEqual([200, 413]);
  expect(errors).toEqual([]);
});

test('an answer to HEAD is dated, which the runtime leaves out', async () => {
  const { ask } = createTestService();

  const response = await ask('/', { method: 'HEAD' });

  expect(response.headers.get('date')).toBe('Sat, 23 Jun 2018 04:45:25 GMT');
});
