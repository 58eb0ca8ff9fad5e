import { expect, test } from 'bun:test';
import { mediaTypes } from '../oci.ts';
import { clientOf, failureOf, manifestOf } from './fake-client.ts';
import { answerWith, digestOf, FakeRegistry } from './fake-registry.ts';

const { signal } = new AbortController();
const manifest = manifestOf();
const { digest } = manifest.descriptor;

test('a manifest is written under its digest first, and then under its tag', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);

  await repository.putManifest(manifest, 'main', signal);

  expect(registry.asked).toEqual([
    `PUT /v2/team/shop/manifests/${digest}`,
    'PUT /v2/team/shop/manifests/main',
  ]);
  for (const reference of ['main', digest]) {
    const { descriptor, bytes } = (await repository.manifest(reference, signal)) ?? manifestOf({ never: 1 });
    expect(descriptor).toEqual(manifest.descriptor);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(manifest.bytes));
  }
});

test('there is no manifest where the registry has none', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);

  expect(await repository.manifest('main', signal)).toBeUndefined();
  expect(await repository.manifest(digest, signal)).toBeUndefined();
});

test('indexes and manifests of both kinds are asked for', async () => {
  await using registry = await FakeRegistry.start();
  await clientOf(registry).repository.manifest('main', signal);

  const accept = registry.requests[0]?.headers.accept;
  for (const type of [
    mediaTypes.index,
    mediaTypes.manifest,
    mediaTypes.dockerIndex,
    mediaTypes.dockerManifest,
  ])
    expect(accept).toContain(type);
});

test('what a manifest calls itself counts, else what the registry calls it', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const typeOf = async (bytes: string, mediaType: string) => {
    registry.manifests.set('team/shop:x', { bytes: Buffer.from(bytes), mediaType });
    return (await repository.manifest('x', signal))?.descriptor.mediaType;
  };

  expect(await typeOf('{"mediaType":"application/vnd.own"}', mediaTypes.manifest)).toBe(
    'application/vnd.own',
  );
  expect(await typeOf('{}', `${mediaTypes.dockerManifest}; charset=utf-8`)).toBe(mediaTypes.dockerManifest);
  expect(await typeOf('{"manifests":[]}', 'application/json')).toBe(mediaTypes.index);
});

test.each([
  ['other bytes than the digest says', digest, '{"other":1}', {}],
  ['other bytes than the registry says', 'main', '{}', { 'docker-content-digest': digest }],
  ['no JSON', 'main', '<html>', {}],
  ['more than a manifest has', 'main', `"${'x'.repeat(9_000_000)}"`, {}],
])('%s are not taken for a manifest', async (_, reference, body, headers) => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(/manifests/, (_request, response) => response.writeHead(200, headers).end(body));

  const thrown = await failureOf(repository.manifest(reference, signal));

  expect(thrown).toMatchObject({ code: 'image_corrupt' });
  expect(String(thrown)).toContain(registry.host);
});

test('a registry that stored another manifest is not believed', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(/^PUT/, answerWith(201, { 'docker-content-digest': digestOf(Buffer.from('other')) }));

  expect(await failureOf(repository.putManifest(manifest, 'main', signal))).toMatchObject({
    code: 'image_corrupt',
  });
  expect(registry.manifests.size).toBe(0);
});

test('a manifest that the registry finds wrong is refused with its words', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  const errors = [{ code: 'MANIFEST_INVALID', message: 'invalid' }];
  registry.plan(/^PUT/, answerWith(400, {}, { errors }));

  expect(await failureOf(repository.putManifest(manifest, undefined, signal))).toMatchObject({
    code: 'registry_refused',
    message: `${registry.host} did not do what was asked while writing team/shop@${digest}: 400 MANIFEST_INVALID: invalid`,
  });
  expect(pauses).toEqual([]);
});

test('a registry that fails is tried five times, each after a longer pause', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses, events } = clientOf(registry);
  registry.plan(/manifests/, answerWith(500, {}, { errors: [{ code: 'UNKNOWN', message: 'disk full' }] }), 9);

  expect(await failureOf(repository.manifest('main', signal))).toMatchObject({
    code: 'registry_unreachable',
    message: `${registry.host} answered 500 UNKNOWN: disk full while reading team/shop:main, after 5 tries`,
    hint: expect.stringContaining(registry.host),
  });
  expect(registry.requests).toHaveLength(5);
  expect(pauses).toHaveLength(4);
  for (const [count, longest] of [200, 400, 800, 1600].entries()) {
    expect(pauses[count]).toBeGreaterThanOrEqual(longest / 2);
    expect(pauses[count]).toBeLessThanOrEqual(longest);
  }
  expect(events).toHaveLength(4);
});

test('a registry that asks to wait is waited for, in seconds or until a date', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  registry.plan(/manifests/, answerWith(429, { 'retry-after': '17' }));
  registry.plan(/manifests/, answerWith(503, { 'retry-after': new Date(Date.now() + 30_000).toUTCString() }));

  await repository.manifest('main', signal);

  expect(pauses[0]).toBe(17_000);
  expect(pauses[1]).toBeGreaterThan(25_000);
  expect(pauses[1]).toBeLessThanOrEqual(30_000);
});

test('a registry that asks to wait too long is not waited for', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  registry.plan(/manifests/, answerWith(429, { 'retry-after': '3600' }));

  expect(await failureOf(repository.manifest('main', signal))).toMatchObject({
    code: 'registry_unreachable',
    message: expect.stringContaining('asks to wait for 3600 s'),
  });
  expect(pauses).toEqual([]);
});

test('a registry that is away is told by its name and by why', async () => {
  const registry = await FakeRegistry.start();
  const { host } = registry;
  await registry[Symbol.asyncDispose]();
  const { repository, pauses } = clientOf({ host });

  expect(await failureOf(repository.manifest('main', signal))).toMatchObject({
    code: 'registry_unreachable',
    message: `${host} refuses the connection while reading team/shop:main, after 5 tries`,
  });
  expect(pauses).toHaveLength(4);
});

test('a certificate that is not trusted is told at once, with how to trust it', async () => {
  const fetch = () => {
    const error = Object.assign(new TypeError('self signed certificate'), {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    return Promise.reject(error);
  };
  const { repository, pauses } = clientOf({ host: 'registry.example.com' }, { fetch });

  expect(await failureOf(repository.manifest('main', signal))).toMatchObject({
    code: 'registry_unreachable',
    hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
  });
  expect(pauses).toEqual([]);
});

test('another registry than this machine’s is asked behind TLS alone', async () => {
  const asked: string[] = [];
  const fetch = async (url: string) => {
    asked.push(url);
    return new Response('', { status: 404 });
  };
  for (const host of ['registry.example.com', 'docker.io', '10.0.0.1:5000', 'localhost:5000', '[::1]:5000'])
    await clientOf({ host }, { fetch, name: 'a/b' }).repository.manifest('main', signal);

  expect(asked.map((url) => url.replace(/\/v2\/.*/, ''))).toEqual([
    'https://registry.example.com',
    'https://registry-1.docker.io',
    'https://10.0.0.1:5000',
    'http://localhost:5000',
    'http://[::1]:5000',
  ]);
});
