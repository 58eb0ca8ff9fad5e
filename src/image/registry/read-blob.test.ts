import { expect, test } from 'bun:test';
import { clientOf, failureOf, manifestOf } from './fake-client.ts';
import { answerWith, cutAfter, FakeRegistry, sayNothing, type Trouble } from './fake-registry.ts';

const { signal } = new AbortController();
const bytes = crypto.getRandomValues(new Uint8Array(60_000));
const blobs = /^GET .*\/blobs\//;

test('a blob comes as it was stored', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  const empty = registry.addBlob('team/shop', new Uint8Array());

  expect(await read(repository.blob(blob, signal))).toEqual(bytes);
  expect(await read(repository.blob(empty, signal))).toHaveLength(0);
});

test('a blob that is cut goes on where it was, as one stream', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, events } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  const reader = new CountingReader();
  registry.plan(blobs, cutAfter(20_000, bytes, reader.arrived));
  registry.plan(blobs, cutAfter(15_000, bytes, reader.arrived));

  expect(await reader.read(repository.blob(blob, signal))).toEqual(bytes);

  expect(registry.requests.map(({ headers }) => headers.range)).toEqual([
    undefined,
    'bytes=20000-',
    'bytes=35000-',
  ]);
  expect(events).toHaveLength(2);
  expect(events[0]).toMatchObject({
    kind: 'retrying',
    what: `reading ${blob.digest} of team/shop`,
    because: `${registry.host} closed the connection`,
  });
});

test('a registry that knows no ranges sends the whole again, of which the rest is taken', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  const reader = new CountingReader();
  registry.plan(blobs, cutAfter(20_000, bytes, reader.arrived));
  registry.plan(blobs, (_, response) => response.end(bytes));

  expect(await reader.read(repository.blob(blob, signal))).toEqual(bytes);
});

test('a blob that gets on between its cuts is read to its end', async () => {
  const large = new Uint8Array(9 * 1_048_576).fill(7);
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  const blob = registry.addBlob('team/shop', large);
  const reader = new CountingReader();
  registry.plan(blobs, cutAfter(1_048_577, large, reader.arrived), 8);

  expect((await reader.read(repository.blob(blob, signal))).length).toBe(large.length);
  expect(pauses).toHaveLength(8);
});

test('a registry that cuts each time is given up after five tries', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  registry.plan(
    blobs,
    cutAfter(0, bytes, async () => undefined),
    9,
  );

  expect(await failureOf(read(repository.blob(blob, signal)))).toMatchObject({
    code: 'registry_unreachable',
    message: `${registry.host} closed the connection while reading ${blob.digest} of team/shop, after 5 tries`,
  });
  expect(pauses).toHaveLength(4);
});

test.each<[string, Trouble]>([
  ['other bytes', (_, response) => response.end(new Uint8Array(bytes.length))],
  ['fewer bytes', (_, response) => response.end(bytes.subarray(1))],
  ['more bytes', (_, response) => response.end(Buffer.concat([bytes, bytes]))],
  [
    'more bytes without a length',
    (_, response) => {
      response.write(bytes);
      response.end(bytes);
    },
  ],
])('%s than those of the digest make the stream fail', async (_, trouble) => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  registry.plan(blobs, trouble);

  const thrown = await failureOf(read(repository.blob(blob, signal)));

  expect(thrown).toMatchObject({ code: 'image_corrupt' });
  expect(String(thrown)).toContain(`the blob ${blob.digest} of ${registry.host}/team/shop`);
  expect(pauses).toEqual([]);
});

test('one byte changed where a cut blob goes on makes the stream fail', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  const changed = bytes.slice();
  changed[30_000] = (changed[30_000] ?? 0) ^ 1;
  const reader = new CountingReader();
  registry.plan(blobs, cutAfter(20_000, bytes, reader.arrived));
  registry.plan(blobs, cutAfter(20_000, changed, reader.arrived));

  expect(await failureOf(reader.read(repository.blob(blob, signal)))).toMatchObject({
    code: 'image_corrupt',
  });
});

test('a blob that is missing is told before its stream', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const { descriptor } = manifestOf();

  expect(await failureOf(repository.blob(descriptor, signal))).toMatchObject({
    code: 'image_not_found',
    message: `${registry.host}/team/shop has no blob ${descriptor.digest}`,
  });
});

test('a redirect to another host takes no authorization along', async () => {
  const ann = { username: 'ann', password: 's3cret' };
  await using storage = await FakeRegistry.start();
  await using registry = await FakeRegistry.start({ auth: 'basic', user: ann });
  const blob = registry.addBlob('team/shop', bytes);
  storage.addBlob('stored', bytes);
  const location = `http://${storage.host}/v2/stored/blobs/${blob.digest}?signature=abc`;
  const { repository } = clientOf(registry, { credentials: async () => ann });
  await repository.manifest('main', signal);
  registry.plan(blobs, answerWith(307, { location }), 2);
  const reader = new CountingReader();
  storage.plan(blobs, cutAfter(20_000, bytes, reader.arrived));

  expect(await reader.read(repository.blob(blob, signal))).toEqual(bytes);

  expect(registry.requests.at(-1)?.headers.authorization).toStartWith('Basic ');
  expect(storage.requests).toHaveLength(2);
  expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  expect(storage.requests[1]?.headers.range).toBe('bytes=20000-');
});

test('a redirect within the registry keeps the authorization', async () => {
  const ann = { username: 'ann', password: 's3cret' };
  await using registry = await FakeRegistry.start({ auth: 'basic', user: ann });
  const blob = registry.addBlob('other', bytes);
  const { repository } = clientOf(registry, { credentials: async () => ann });
  registry.plan(blobs, answerWith(302, { location: `/v2/other/blobs/${blob.digest}` }));

  expect(await read(repository.blob(blob, signal))).toEqual(bytes);
});

test('no redirect leads from https to http', async () => {
  const asked: string[] = [];
  const fetch = async (url: string) => {
    asked.push(url);
    return new Response('', { status: 307, headers: { location: 'http://registry.example.com/blob' } });
  };
  const { repository } = clientOf({ host: 'registry.example.com' }, { fetch });

  expect(await failureOf(repository.blob(manifestOf().descriptor, signal))).toMatchObject({
    code: 'registry_unreachable',
    message: 'registry.example.com sends on to http://registry.example.com, which is not https',
  });
  expect(asked).toHaveLength(1);
});

test('redirects come to an end', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  registry.plan(blobs, answerWith(307, { location: `/v2/team/shop/blobs/${blob.digest}` }), 99);

  expect(await failureOf(repository.blob(blob, signal))).toMatchObject({ code: 'registry_unreachable' });
  expect(registry.requests.length).toBeLessThan(10);
});

test('a storage that no longer lets in is asked for anew through the registry', async () => {
  await using storage = await FakeRegistry.start();
  await using registry = await FakeRegistry.start();
  const blob = registry.addBlob('team/shop', bytes);
  const { repository, events } = clientOf(registry);
  registry.plan(blobs, answerWith(307, { location: `http://${storage.host}/x?signature=s3cret` }));
  storage.plan(/./, answerWith(403));

  expect(await read(repository.blob(blob, signal))).toEqual(bytes);
  expect(JSON.stringify(events)).toContain(`sent on to ${storage.host}, which answered 403`);
  expect(JSON.stringify(events)).not.toContain('s3cret');
});

test('an answer that does not come, and a body that stands still, are tried again', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, events } = clientOf(registry, { patienceMs: 60 });
  const blob = registry.addBlob('team/shop', bytes);
  registry.plan(blobs, sayNothing);
  registry.plan(blobs, (_, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 30_000));
  });

  expect(await read(repository.blob(blob, signal))).toEqual(bytes);
  expect(events.map((event) => 'because' in event && event.because)).toEqual([
    `${registry.host} said nothing for 0.06 s`,
    `${registry.host} said nothing for 0.06 s`,
  ]);
});

test('a stream that is no longer wanted lets go of its connection', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  const closed = Promise.withResolvers<void>();
  registry.plan(blobs, (_, response) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 1_000));
  });

  const reader = (await repository.blob(blob, signal)).getReader();
  await reader.read();
  await reader.cancel();

  await closed.promise;
});

test('an interrupted read throws what interrupted it', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const blob = registry.addBlob('team/shop', bytes);
  const stop = new AbortController();
  const why = new Error('interrupted');
  registry.plan(blobs, () => stop.abort(why));

  expect(await failureOf(repository.blob(blob, stop.signal))).toBe(why);
});

function read(stream: Promise<ReadableStream<Uint8Array>>): Promise<Uint8Array> {
  return new CountingReader().read(stream);
}

/** Reads a stream, and says when so much of it has arrived: a cut takes back what was not read yet. */
class CountingReader {
  #total = 0;
  #awaited: { readonly total: number; readonly resolve: () => void }[] = [];

  readonly arrived = (total: number): Promise<void> =>
    new Promise((resolve) => {
      this.#awaited.push({ total, resolve });
      this.#tell();
    });

  async read(stream: Promise<ReadableStream<Uint8Array>>): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await stream) {
      chunks.push(chunk);
      this.#total += chunk.length;
      this.#tell();
    }
    return new Uint8Array(Buffer.concat(chunks));
  }

  #tell(): void {
    const due = this.#awaited.filter(({ total }) => total <= this.#total);
    this.#awaited = this.#awaited.filter((awaited) => !due.includes(awaited));
    for (const { resolve } of due) resolve();
  }
}
