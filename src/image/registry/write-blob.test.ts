import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobContent } from '../store.ts';
import { clientOf, descriptorOf, failureOf } from './fake-client.ts';
import { answerWith, cutUploadAfter, FakeRegistry, sayNothing } from './fake-registry.ts';

const { signal } = new AbortController();
const folder = mkdtempSync(join(tmpdir(), 'causeway-write-blob-'));
afterAll(() => rmSync(folder, { recursive: true }));
const bytes = crypto.getRandomValues(new Uint8Array(3_000_000));
const path = join(folder, 'blob');
writeFileSync(path, bytes);

const descriptor = descriptorOf(bytes);
const key = `team/shop@${descriptor.digest}`;
const content: BlobContent = { descriptor, open: async () => ({ path }) };

test('a blob is written once', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);

  expect(await repository.putBlob(content, signal)).toBe('written');
  expect(await repository.putBlob(content, signal)).toBe('present');

  expect(Buffer.from(registry.blobs.get(key) ?? []).equals(bytes)).toBe(true);
  expect(registry.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1);
});

test('a file is sent with its length, and bytes as well', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const small = Buffer.from('{}');

  await repository.putBlob(content, signal);
  await repository.putBlob({ descriptor: descriptorOf(small), open: async () => ({ bytes: small }) }, signal);
  await repository.putBlob(
    { descriptor: descriptorOf(new Uint8Array()), open: async () => ({ bytes: new Uint8Array() }) },
    signal,
  );

  const puts = registry.requests.filter(({ method }) => method === 'PUT');
  expect(puts.map(({ headers }) => headers['content-length'])).toEqual(['3000000', '2', '0']);
  expect(puts.map(({ headers }) => headers['transfer-encoding'])).toEqual([undefined, undefined, undefined]);
});

test('a blob is mounted from a repository of the same registry', async () => {
  await using registry = await FakeRegistry.start({
    canMount: true,
    auth: 'bearer',
    identityToken: 'r3fresh',
  });
  const credentials = async () => ({ identityToken: 'r3fresh' });
  const { repository } = clientOf(registry, { credentials });
  registry.addBlob('base/cc', bytes);

  const how = await repository.putBlob({ ...content, isIn: `${registry.host}/base/cc` }, signal);

  expect(how).toBe('mounted');
  expect(registry.blobs.has(key)).toBe(true);
  expect(registry.asked.some((asked) => asked.startsWith('PUT'))).toBe(false);
});

test('where a registry does not mount, the upload that it began instead is used', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);

  expect(await repository.putBlob({ ...content, isIn: `${registry.host}/base/cc` }, signal)).toBe('written');
  expect(registry.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
});

test.each([401, 403, 404, 405])('a mount that is refused with %p does not matter', async (status) => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(/mount=/, answerWith(status));

  expect(await repository.putBlob({ ...content, isIn: `${registry.host}/base/cc` }, signal)).toBe('written');
});

test('a token server that gives no token for the other repository does not matter', async () => {
  await using registry = await FakeRegistry.start({ auth: 'bearer', identityToken: 'r3fresh' });
  const credentials = async () => ({ identityToken: 'r3fresh' });
  const { repository } = clientOf(registry, { credentials });
  await repository.manifest('main', signal);
  await repository.putBlob(
    { descriptor: descriptorOf(Buffer.from('{}')), open: async () => ({ bytes: Buffer.from('{}') }) },
    signal,
  );
  registry.plan(/token/, answerWith(403));

  expect(await repository.putBlob({ ...content, isIn: `${registry.host}/base/cc` }, signal)).toBe('written');
});

test('nothing is mounted from another registry', async () => {
  await using registry = await FakeRegistry.start({ canMount: true });
  const { repository } = clientOf(registry);

  await repository.putBlob({ ...content, isIn: 'registry.example.com/base/cc' }, signal);

  expect(registry.asked.join()).not.toContain('mount=');
});

test('a cut upload begins anew', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, events } = clientOf(registry);
  registry.plan(/^PUT/, cutUploadAfter(100_000), 2);

  expect(await repository.putBlob(content, signal)).toBe('written');

  expect(Buffer.from(registry.blobs.get(key) ?? []).equals(bytes)).toBe(true);
  expect(registry.requests.filter(({ method }) => method === 'POST')).toHaveLength(3);
  expect(events).toHaveLength(2);
});

test('an upload whose answer was lost is not sent again', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(/^PUT/, (request) => {
    request.resume();
    request.on('end', () => {
      registry.addBlob('team/shop', bytes);
      request.socket.destroy();
    });
  });

  expect(await repository.putBlob(content, signal)).toBe('written');
  expect(registry.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1);
});

test.each([408, 429, 500, 502, 503, 504])('an upload answered with %p is tried again', async (status) => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  registry.plan(/^PUT/, answerWith(status));
  registry.plan(/^POST/, answerWith(status));
  registry.plan(/^HEAD/, answerWith(status));

  expect(await repository.putBlob(content, signal)).toBe('written');
  expect(pauses).toHaveLength(3);
});

test('an upload that the registry forgot begins anew', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(/^PUT/, answerWith(404, {}, { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN' }] }));

  expect(await repository.putBlob(content, signal)).toBe('written');
});

test('the place to upload to may be on another host, which gets no authorization', async () => {
  const ann = { username: 'ann', password: 's3cret' };
  await using storage = await FakeRegistry.start();
  await using registry = await FakeRegistry.start({ auth: 'basic', user: ann });
  const { repository } = clientOf(registry, { credentials: async () => ann });
  await repository.manifest('main', signal);
  const location = `http://${storage.host}/v2/team/shop/blobs/uploads/1?state=a%2Fb`;
  registry.plan(/^POST/, answerWith(202, { location }));

  await repository.putBlob(content, signal);

  expect(storage.blobs.has(key)).toBe(true);
  expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test('a registry that stored something else is not believed', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const other = `sha256:${'0'.repeat(64)}`;
  registry.plan(/^PUT/, answerWith(201, { 'docker-content-digest': other }));

  expect(await failureOf(repository.putBlob(content, signal))).toMatchObject({
    code: 'image_corrupt',
    message: `${descriptor.digest} in ${registry.host}/team/shop was stored there as ${other}`,
  });
});

test('bytes that do not fit the digest are refused by the registry, and not tried again', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry);
  const open = async () => ({ bytes: new Uint8Array(bytes.length) });

  expect(await failureOf(repository.putBlob({ descriptor, open }, signal))).toMatchObject({
    code: 'image_corrupt',
    message: expect.stringContaining('400 DIGEST_INVALID'),
  });
  expect(pauses).toEqual([]);
});

test('a file that is not as long as it should be is not sent', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const short = join(folder, 'short');
  writeFileSync(short, 'short');

  expect(
    await failureOf(repository.putBlob({ descriptor, open: async () => ({ path: short }) }, signal)),
  ).toMatchObject({ code: 'image_corrupt', message: expect.stringContaining(short) });
  expect(registry.asked.some((asked) => asked.startsWith('PUT'))).toBe(false);
});

test('a repository that must be made first is told so', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  registry.plan(
    /^POST/,
    answerWith(404, {}, { errors: [{ code: 'NAME_UNKNOWN', message: 'no such repository' }] }),
  );

  expect(await failureOf(repository.putBlob(content, signal))).toMatchObject({
    code: 'image_not_found',
    message: expect.stringContaining('404 NAME_UNKNOWN: no such repository'),
  });
});

test('for ECR the hint says how to make the repository', async () => {
  const host = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
  const fetch = async () => new Response('{"errors":[{"code":"NAME_UNKNOWN"}]}', { status: 404 });
  const { repository } = clientOf({ host }, { fetch });

  expect(await failureOf(repository.putBlob(content, signal))).toMatchObject({
    code: 'image_not_found',
    hint: 'make the repository first: aws ecr create-repository --region eu-west-1 --repository-name team/shop',
  });
});

test('a registry that takes an upload and says nothing is given up', async () => {
  await using registry = await FakeRegistry.start();
  const { repository, pauses } = clientOf(registry, { patienceMs: 20 });
  registry.plan(/^PUT/, sayNothing, 9);

  expect(await failureOf(repository.putBlob(content, signal))).toMatchObject({
    code: 'registry_unreachable',
  });
  expect(pauses).toHaveLength(4);
});

test('an interrupted upload throws what interrupted it, and stores nothing', async () => {
  await using registry = await FakeRegistry.start();
  const { repository } = clientOf(registry);
  const stop = new AbortController();
  const why = new Error('interrupted');
  registry.plan(/^PUT/, () => stop.abort(why));

  expect(await failureOf(repository.putBlob(content, stop.signal))).toBe(why);
  expect(registry.blobs.size).toBe(0);
});
