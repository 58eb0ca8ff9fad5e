import { afterAll, expect, test } from 'bun:test';
import type { IConfigMap } from 'kubernetes-models/v1';
import { errorOf } from '../../core/error-of.ts';
import { UnreachableError, type UserError } from '../../core/errors.ts';
import type { Change } from './api.ts';
import { kinds } from './kinds.ts';
import { openApi } from './open-api.ts';
import { ApiRefusal } from './refusal.ts';

const signal = new AbortController().signal;
const servers: { stop: (isAtOnce: boolean) => unknown }[] = [];

afterAll(() => {
  for (const server of servers) void server.stop(true);
});

test('an answer of a server that is not well is asked for again', async () => {
  const { api, seen } = serve([failing(503), failing(500), () => Response.json({ gitVersion: 'v1.37.2' })]);

  const version = await api.read<{ gitVersion: string }>('/version', signal);

  expect(version.gitVersion).toBe('v1.37.2');
  expect(seen).toHaveLength(3);
});

test.each([
  ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } }), 'text/html came'],
  ['nothing', () => new Response(''), 'nothing came'],
  [
    'null',
    () => new Response('null', { headers: { 'content-type': 'application/json' } }),
    'application/json came',
  ],
  ['another address', () => new Response('', { status: 302 }), 'status 302 came'],
])(
  'where %s comes, something else answered, and the environment is called unreachable',
  async (_what, answer, came) => {
    const { api } = serve(Array.from({ length: 20 }, () => answer));

    const error = await errorOf(api.get(kinds.configMap, 'a', AbortSignal.any([signal])));

    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as UserError).message).toContain(`${came}, which is no answer of a Kubernetes API`);
  },
);

test('a server that asks to come again later is given that time', async () => {
  const late = () => new Response('{}', { status: 429, headers: { 'retry-after': '1' } });
  const { api, traced } = serve([late, () => Response.json({})]);

  await api.read('/version', signal);

  expect(traced.some((line) => line.endsWith('again in 1000 ms'))).toBe(true);
});

test('what a pod answers comes as it is sent, so that nobody has to take in all of it', async () => {
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
      }),
    );
  const { api } = serve([endless]);

  const response = await api.proxy('shop-1', 8080, '/metrics', AbortSignal.timeout(5_000));
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  await reader?.cancel();

  expect(value?.length).toBeGreaterThan(0);
});

test('what was made though the answer was lost is found again', async () => {
  const found = { ...settings(), metadata: { name: 'settings', uid: 'a1', resourceVersion: '7' } };
  const { api, seen } = serve([failing(500), refusing(409, 'AlreadyExists'), () => Response.json(found)]);

  const made = await api.create(settings(), { signal });

  expect(made.metadata).toMatchObject({ uid: 'a1' });
  expect(seen).toHaveLength(3);
});

test('what somebody else made meanwhile is not taken for our own', async () => {
  const other = { ...settings(), data: { a: '2' } };
  const { api } = serve([failing(500), refusing(409, 'AlreadyExists'), () => Response.json(other)]);

  const error = await errorOf(api.create({ ...settings(), data: { a: '1' } }, { signal }));

  expect(error).toMatchObject({ status: 409, reason: 'AlreadyExists' });
});

test('what gets its name from the cluster, and may have been made, is not made twice', async () => {
  const { api, seen } = serve([failing(500), () => Response.json({})]);
  const nameless: IConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'a-' } };

  const error = await errorOf(api.create(nameless, { signal }));

  expect(error).toBeInstanceOf(UnreachableError);
  expect(seen).toEqual(['POST /api/v1/namespaces/shop/configmaps']);
});

test('what was surely not made is tried again', async () => {
  const { api, seen } = serve([failing(429), () => Response.json(settings())]);

  await api.create(settings(), { signal });

  expect(seen).toHaveLength(2);
});

test('a refusal is told in the cluster’s own words, and not tried again', async () => {
  const message = 'pods is forbidden: User "ada" cannot list resource "pods"';
  const { api, seen } = serve([() => Response.json({ reason: 'Forbidden', message }, { status: 403 })]);

  const error = await errorOf(api.list(kinds.pod, {}, signal));

  expect(error).toBeInstanceOf(ApiRefusal);
  expect(error).toMatchObject({ code: 'cluster_refused', status: 403, reason: 'Forbidden', message });
  expect(seen).toHaveLength(1);
});

test('credentials that the cluster does not know are told with their context', async () => {
  const { api } = serve([
    () => Response.json({ reason: 'Unauthorized', message: 'Unauthorized' }, { status: 401 }),
  ]);

  const error = await errorOf(api.read('/version', signal));

  expect(error.message).toBe('context kind-shop: the cluster does not know your credentials');
  expect(error.hint).toContain('log in again');
});

test('what is missing is undefined, and its removal false', async () => {
  const missing = () => Response.json({ reason: 'NotFound', message: 'not found' }, { status: 404 });
  const { api } = serve([missing, missing]);

  expect(await api.get(kinds.configMap, 'none', signal)).toBeUndefined();
  expect(await api.remove(kinds.configMap, 'none', { signal })).toBe(false);
});

test('a 404 of a server that is no cluster does not say that something is missing', async () => {
  const { api } = serve([() => new Response('404 page not found', { status: 404 })]);

  const error = await errorOf(api.get(kinds.configMap, 'settings', signal));

  expect(error).toMatchObject({ code: 'cluster_refused', status: 404, message: '404 page not found' });
});

test('a list whose parts have expired is read in one', async () => {
  const part = () =>
    Response.json({ items: [map('a', '1')], metadata: { resourceVersion: '7', continue: 'more' } });
  const { api, queries } = serve([part, refusing(410, 'Expired'), () => listed('9', 'a', 'b')]);

  const { items, resourceVersion } = await api.list(kinds.configMap, {}, signal);

  expect(items.map(({ metadata }) => metadata?.name)).toEqual(['a', 'b']);
  expect(resourceVersion).toBe('9');
  expect(queries.map((query) => query.get('limit'))).toEqual(['500', '500', null]);
});

test('a list that comes in parts is whole, and its items say what they are', async () => {
  const part = (name: string, next: string) =>
    Response.json({ items: [{ metadata: { name } }], metadata: { resourceVersion: '7', continue: next } });
  const { api } = serve([() => part('a', 'more'), () => part('b', '')]);

  const { items, resourceVersion } = await api.list(kinds.configMap, {}, signal);

  expect(items.map(({ kind, metadata }) => `${kind} ${metadata?.name}`)).toEqual([
    'ConfigMap a',
    'ConfigMap b',
  ]);
  expect(resourceVersion).toBe('7');
});

test('a server that is not there is unreachable, which is not bad', async () => {
  const { access } = serve([]).api;
  const api = openApi({ access: { ...access, server: 'http://127.0.0.1:1' }, namespace: 'shop', trace });

  const error = await errorOf(api.proxy('web', 80, '/', signal));

  expect(error).toBeInstanceOf(UnreachableError);
  expect(error).toMatchObject({
    exit: 'unknown',
    message: 'http://127.0.0.1:1 does not answer: connection refused',
  });
});

test('a command that is given up asks no more', async () => {
  const stop = new AbortController();
  const { api } = serve(Array.from({ length: 20 }, () => failing(503)));
  setTimeout(() => stop.abort(new Error('given up')), 50);

  const error = await api.read('/version', stop.signal).catch((thrown: Error) => thrown);

  expect((error as Error).message).toBe('given up');
});

test('a watch goes on where it ended, without a gap', async () => {
  const { api, queries } = serve([
    () => listed('1', 'a'),
    () => lines({ type: 'ADDED', object: map('b', '2') }, { type: 'BOOKMARK', object: map('', '5') }),
    () => lines({ type: 'DELETED', object: map('a', '6') }),
  ]);

  const changes = await take(api.watch(kinds.configMap, {}, signal), 3);

  expect(changes.map(describe)).toEqual(['listed a', 'set b', 'removed a']);
  expect(queries.slice(1, 3).map((query) => query.get('resourceVersion'))).toEqual(['1', '5']);
});

test('a watch whose version has expired lists anew', async () => {
  const expired = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } };
  const { api } = serve([() => listed('1', 'a'), () => lines(expired), () => listed('9', 'a', 'c')]);

  const changes = await take(api.watch(kinds.configMap, {}, signal), 2);

  expect(changes.map(describe)).toEqual(['listed a', 'listed a c']);
});

test('a watch outlives a server that is away', async () => {
  const { api } = serve([
    () => listed('1', 'a'),
    () => lines({ type: 'ADDED', object: map('b', '2') }),
    failing(503),
    () => listed('3', 'a', 'b'),
    () => lines({ type: 'ADDED', object: map('c', '4') }),
  ]);

  const changes = await take(api.watch(kinds.configMap, {}, signal), 4);

  expect(changes.map(describe)).toEqual(['listed a', 'set b', 'listed a b', 'set c']);
});

test('where no watch comes through, what there is is listed again and again', async () => {
  const { api } = serve([
    () => listed('1', 'a'),
    () => lines(),
    () => listed('2', 'a', 'b'),
    failing(504),
    () => listed('3', 'b'),
  ]);

  const changes = await take(api.watch(kinds.configMap, {}, signal), 3);

  expect(changes.map(describe)).toEqual(['listed a', 'listed a b', 'listed b']);
});

test('a watch that is refused says so', async () => {
  const { api } = serve([refusing(403, 'Forbidden')]);

  const error = await errorOf(take(api.watch(kinds.event, {}, signal), 1));

  expect(error).toMatchObject({ status: 403, reason: 'Forbidden' });
});

test('a watch that is cut in the middle of a change sees that change', async () => {
  const text = ['b', 'c'].map((name, index) => {
    const object = map(name, String(index + 2));
    return `${JSON.stringify({ type: 'ADDED', object })}\n`;
  });
  const { api, queries } = serve([
    () => listed('1', 'a'),
    () => new Response(text.join('').slice(0, -20)),
    () => new Response(text[1]),
  ]);

  const changes = await take(api.watch(kinds.configMap, {}, signal), 3);

  expect(changes.map(describe)).toEqual(['listed a', 'set b', 'set c']);
  expect(queries.slice(1).map((query) => query.get('resourceVersion'))).toEqual(['1', '2']);
});

test('a watch that is left is closed', async () => {
  const closed = Promise.withResolvers<void>();
  const open = new ReadableStream({
    start: (controller) =>
      controller.enqueue(`${JSON.stringify({ type: 'ADDED', object: map('b', '2') })}\n`),
    cancel: () => closed.resolve(),
  });
  const { api } = serve([() => listed('1', 'a'), () => new Response(open)]);

  await take(api.watch(kinds.configMap, {}, signal), 2);

  await closed.promise;
});

test('lines of a log are whole, however they come', async () => {
  const bytes = new TextEncoder().encode('grüß\n\n€ 5\nlast');
  const { api } = serve([
    () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            for (const byte of bytes) {
              controller.enqueue(new Uint8Array([byte]));
              await Bun.sleep(0);
            }
            controller.close();
          },
        }),
      ),
  ]);

  const read: string[] = [];
  for await (const line of api.logs('web', {}, signal)) read.push(line);

  expect(read).toEqual(['grüß', '', '€ 5', 'last']);
});

test('a log that is cut is of a server that does not answer', async () => {
  using server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket) {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\none\nt\r\n');
        socket.end();
      },
    },
  });
  const { access } = serve([]).api;
  const api = openApi({
    access: { ...access, server: `http://127.0.0.1:${server.port}` },
    namespace: 'shop',
    trace,
  });

  const error = await errorOf(
    (async () => {
      for await (const line of api.logs('web', { isFollowed: true }, signal)) trace(line);
    })(),
  );

  expect(error).toBeInstanceOf(UnreachableError);
});

test('credentials stand in no trace', async () => {
  const { access } = serve([() => Response.json({})]).api;
  const traced: string[] = [];
  const api = openApi({
    access: { ...access, headers: async () => ({ Authorization: 'Bearer open-sesame' }) },
    namespace: 'shop',
    trace: (line) => traced.push(line),
  });

  await api.apply({ ...settings(), data: { password: 'hunter2' } }, { signal });

  expect(traced.join('\n')).toStartWith('PATCH /api/v1/namespaces/shop/configmaps/settings');
  expect(traced.join('\n')).not.toMatch(/sesame|hunter2/);
});

type Answer = () => Response;

function serve(answers: readonly Answer[]) {
  const seen: string[] = [];
  const queries: URLSearchParams[] = [];
  const traced: string[] = [];
  const left = [...answers];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      seen.push(`${request.method} ${pathname}`);
      queries.push(searchParams);
      return left.shift()?.() ?? new Promise<Response>(() => undefined);
    },
  });
  servers.push(server);
  const access = {
    context: 'kind-shop',
    server: `http://127.0.0.1:${server.port}`,
    tls: {},
    headers: async () => ({}),
  };
  const api = openApi({ access, namespace: 'shop', trace: (line) => traced.push(line) });
  return { api, seen, queries, traced };
}

function trace(_line: string): void {
  // Nobody looks.
}

function failing(status: number): Answer {
  return () => Response.json({ message: 'etcd is away' }, { status });
}

function refusing(status: number, reason: string): Answer {
  return () => Response.json({ kind: 'Status', reason, message: reason }, { status });
}

function settings() {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } } as const;
}

function map(name: string, resourceVersion: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, resourceVersion } };
}

function listed(resourceVersion: string, ...names: readonly string[]): Response {
  return Response.json({ items: names.map((name) => map(name, '1')), metadata: { resourceVersion } });
}

function lines(...events: readonly object[]): Response {
  return new Response(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

async function take<T>(changes: AsyncIterable<Change<T>>, count: number): Promise<readonly Change<T>[]> {
  const taken: Change<T>[] = [];
  for await (const change of changes) {
    taken.push(change);
    if (taken.length === count) break;
  }
  return taken;
}

function describe(change: Change<{ readonly metadata?: { readonly name?: string } }>): string {
  const items = change.kind === 'listed' ? change.items : [change.item];
  return [change.kind, ...items.map(({ metadata }) => metadata?.name)].join(' ');
}
