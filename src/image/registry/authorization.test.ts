import { expect, test } from 'bun:test';
import type { Credential } from './credentials.ts';
import { clientOf, descriptorOf, failureOf, manifestOf } from './fake-client.ts';
import { answerWith, FakeRegistry } from './fake-registry.ts';

const { signal } = new AbortController();
const ann = { username: 'ann', password: 's3cret' };
const as = (credential: Credential | undefined) => ({ credentials: async () => credential });

test('a password lets in with basic authorization, after one refusal', async () => {
  await using registry = await FakeRegistry.start({ auth: 'basic', user: ann });
  const { repository } = clientOf(registry, as(ann));
  const manifest = manifestOf();

  await repository.putManifest(manifest, 'main', signal);

  expect(await repository.manifest('main', signal)).toMatchObject({ descriptor: manifest.descriptor });
  expect(registry.requests.filter(({ headers }) => headers.authorization === undefined)).toHaveLength(1);
});

test('a password gets tokens, one for reading and one for writing, however many ask at once', async () => {
  await using registry = await FakeRegistry.start({ auth: 'bearer', user: ann });
  const { repository } = clientOf(registry, as(ann));
  const blobs = [1, 2, 3, 4].map((n) => Buffer.from(`blob ${n}`));

  await Promise.all(
    blobs.map((bytes) =>
      repository.putBlob({ descriptor: descriptorOf(bytes), open: async () => ({ bytes }) }, signal),
    ),
  );
  await repository.manifest('main', signal);
  await repository.manifest('other', signal);

  expect(registry.blobs.size).toBe(4);
  expect(registry.asked.filter((asked) => asked.includes('/token'))).toEqual([
    'GET /token?service=fake&scope=repository%3Ateam%2Fshop%3Apull%2Cpush',
    'GET /token?service=fake&scope=repository%3Ateam%2Fshop%3Apull',
  ]);
});

test('a public repository is read with a token for anyone', async () => {
  await using registry = await FakeRegistry.start({ auth: 'bearer', isPublic: true });
  const { repository } = clientOf(registry);
  const blob = registry.addBlob('team/shop', Buffer.from('blob'));

  expect(await new Response(await repository.blob(blob, signal)).text()).toBe('blob');
  expect(registry.requests.find(({ path }) => path.startsWith('/token'))?.headers.authorization).toBe(
    undefined,
  );
});

test('a refresh token is exchanged by POST, and never stands in an address', async () => {
  await using registry = await FakeRegistry.start({ auth: 'bearer', identityToken: 'r3fresh' });
  const { repository } = clientOf(registry, as({ identityToken: 'r3fresh' }));

  await repository.putManifest(manifestOf(), 'main', signal);

  expect(registry.asked).toContain('POST /token');
  expect(registry.asked.join()).not.toContain('r3fresh');
});

test('a token that no longer counts is fetched anew, once', async () => {
  await using registry = await FakeRegistry.start({ auth: 'bearer', user: ann });
  const { repository } = clientOf(registry, as(ann));
  await repository.putManifest(manifestOf(), 'main', signal);
  registry.tokens.forget();

  await repository.putManifest(manifestOf(), 'next', signal);

  expect(registry.manifests.has('team/shop:next')).toBe(true);
  expect(registry.asked.filter((asked) => asked.includes('/token'))).toHaveLength(2);
});

test('a token is not used beyond the time that it was given for', async () => {
  await using registry = await FakeRegistry.start({ auth: 'bearer', user: ann, tokenSeconds: 1e-9 });
  const { repository } = clientOf(registry, as(ann));

  await repository.manifest('main', signal);
  await repository.manifest('next', signal);

  expect(registry.asked.filter((asked) => asked.includes('/token'))).toHaveLength(2);
});

test('the credentials are looked up once, and only when the registry asks for them', async () => {
  await using open = await FakeRegistry.start();
  await using closed = await FakeRegistry.start({ auth: 'basic', user: ann });
  let count = 0;
  const credentials = async () => {
    count += 1;
    return ann;
  };

  await clientOf(open, { credentials }).repository.manifest('main', signal);
  expect(count).toBe(0);
  const { repository } = clientOf(closed, { credentials });
  await Promise.all([repository.manifest('a', signal), repository.manifest('b', signal)]);
  expect(count).toBe(1);
});

test.each([
  ['basic', undefined, 'there are no credentials for it'],
  ['basic', { username: 'ann', password: 'wr0ng' }, 'it refused the login as ann'],
  ['bearer', undefined, 'there are no credentials for it'],
  ['bearer', { username: 'ann', password: 'wr0ng' }, 'it refused the login as ann'],
  ['bearer', { identityToken: 'wr0ng' }, 'it refused the login by token'],
] as const)('%s authorization with %j is refused, with how to log in', async (auth, credential, message) => {
  await using registry = await FakeRegistry.start({ auth, user: ann });
  const { repository, pauses } = clientOf(registry, as(credential));

  const thrown = await failureOf(repository.manifest('main', signal));

  expect(thrown).toMatchObject({ code: 'registry_refused', hint: `docker login ${registry.host}` });
  expect(String(thrown)).toContain(message);
  expect(JSON.stringify(thrown)).not.toContain('wr0ng');
  expect(pauses).toEqual([]);
});

test('a 403 quotes the registry', async () => {
  await using registry = await FakeRegistry.start();
  const errors = [{ code: 'DENIED', message: 'requested access\nis \u001b[1mdenied' }];
  registry.plan(/^PUT/, answerWith(403, {}, { errors }));
  const { repository } = clientOf(registry);

  expect(await failureOf(repository.putManifest(manifestOf(), 'main', signal))).toMatchObject({
    code: 'registry_refused',
    message: expect.stringContaining('403 DENIED: requested access is [1mdenied'),
  });
});

test('who may not do something is named, and who was not asked for', async () => {
  await using closed = await FakeRegistry.start({ auth: 'basic', user: ann });
  await using open = await FakeRegistry.start();
  const put = async (registry: FakeRegistry, status: number) => {
    const { repository } = clientOf(registry, as(ann));
    await repository.manifest('main', signal);
    registry.plan(/^PUT/, answerWith(status));
    const failure = await failureOf(repository.putManifest(manifestOf(), 'main', signal));
    expect(JSON.stringify(failure)).not.toContain('s3cret');
    return String(failure);
  };

  expect(await put(closed, 403)).toEndWith('; it does not let ann do this');
  expect(await put(open, 403)).toEndWith('; it asked for no login, so that of ann was not sent');
  expect(await put(open, 401)).toEndWith('; it asked for no login, so that of ann was not sent');
});

test('for ECR the aws command is what lets in', async () => {
  const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
  const refuse = async () => new Response('', { status: 401, headers: { 'www-authenticate': 'Basic' } });
  const { repository } = clientOf({ host }, { fetch: refuse });

  expect(await failureOf(repository.manifest('main', signal))).toMatchObject({
    code: 'registry_refused',
    hint: `aws ecr get-login-password --region eu-west-1 | docker login --username AWS --password-stdin ${host}`,
  });
});

test.each(['http://auth.example.com/token', 'http://127.0.0.1:1/token', 'file:///etc/passwd', ''])(
  'no credentials go to the token server %j of a registry behind TLS',
  async (realm) => {
    const asked: string[] = [];
    const fetch = async (url: string) => {
      asked.push(url);
      return new Response('', { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } });
    };
    const { repository } = clientOf({ host: 'registry.example.com' }, { fetch, ...as(ann) });

    expect(await failureOf(repository.manifest('main', signal))).toMatchObject({ code: 'registry_refused' });
    expect(asked).toEqual(['https://registry.example.com/v2/team/shop/manifests/main']);
  },
);

test('no credentials go to another port of this machine', async () => {
  await using other = await FakeRegistry.start({ auth: 'bearer', user: ann });
  await using registry = await FakeRegistry.start();
  const challenge = { 'www-authenticate': `Bearer realm="http://${other.host}/token"` };
  registry.plan(/^GET/, answerWith(401, challenge));
  const { repository } = clientOf(registry, as(ann));

  expect(await failureOf(repository.manifest('main', signal))).toMatchObject({
    code: 'registry_refused',
    message: expect.stringContaining(`sends to 'http://${other.host}/token' for a token`),
  });
  expect(other.asked).toEqual([]);
});

test('a token server that is busy is asked again', async () => {
  await using registry = await FakeRegistry.start({ auth: 'bearer', isPublic: true });
  registry.plan(/token/, answerWith(503), 2);
  const { repository, events } = clientOf(registry);

  expect(await repository.manifest('main', signal)).toBeUndefined();
  expect(events).toHaveLength(2);
});
