import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlobCache, type CachedBlob, openBlobCache } from './blob-cache.ts';
import { sha256 } from './digest.ts';

const root = mkdtempSync(join(tmpdir(), 'causeway-cache-'));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
const { signal } = new AbortController();
const openNew = () => openBlobCache({ XDG_CACHE_HOME: join(root, String(folders++)) });
const content = new TextEncoder().encode('content');
const expected = { digest: sha256(content), size: content.byteLength };

test('the cache lies where the system says, or in the home', () => {
  expect(openBlobCache({ XDG_CACHE_HOME: '/x', HOME: '/home/me' }).folder).toBe('/x/causeway');
  expect(openBlobCache({ HOME: '/home/me' }).folder).toBe('/home/me/.cache/causeway');
});

test('content is found by its digest', async () => {
  const cache = openNew();

  const written = await cache.write(content, signal, expected);

  expect(written).toMatchObject(expected);
  expect(await cache.find(expected, signal)).toBe(written.path);
  expect(await cache.read(expected.digest)).toEqual(Buffer.from(content));
});

test('other content than was expected is not stored', async () => {
  const cache = openNew();

  await expect(cache.write(Buffer.from('contenT'), signal, expected)).rejects.toThrow(
    /and should be sha256:/,
  );

  expect(await cache.find(expected, signal)).toBeUndefined();
  expect(readdirSync(join(cache.folder, 'blobs'))).toEqual(['sha256']);
});

test('a cut or changed file is not found, and is replaced by the next write', async () => {
  const cache = openNew();
  const { path } = await cache.write(content, signal);

  truncateSync(path, 3);
  expect(await cache.find(expected, signal)).toBeUndefined();
  writeFileSync(path, 'contenT');
  expect(await cache.find(expected, signal)).toBeUndefined();
  expect(await cache.read(expected.digest)).toBeUndefined();
  await cache.write(content, signal);

  expect(await cache.find(expected, signal)).toBe(path);
});

test('a note is read as it was written, and a damaged one not at all', async () => {
  const cache = openNew();
  const name = `layers sha256:${'a'.repeat(64)}/${'b'.repeat(300)}`;

  expect(await cache.readNote('short/name')).toBeUndefined();
  await cache.writeNote('short/name', { packages: ['ü'] });
  await cache.writeNote(name, [1]);
  expect(await cache.readNote('short/name')).toEqual({ packages: ['ü'] });
  expect(await cache.readNote(name)).toEqual([1]);
  for (const file of readdirSync(join(cache.folder, 'notes'))) {
    writeFileSync(join(cache.folder, 'notes', file), '{"packages":[]}');
  }

  expect(await cache.readNote('short/name')).toBeUndefined();
});

test('two that write the same at once both end well', async () => {
  const env = { XDG_CACHE_HOME: join(root, 'both') };
  async function* slowly(): AsyncGenerator<Uint8Array> {
    for (const byte of content) {
      await Promise.resolve();
      yield Uint8Array.of(byte);
    }
  }

  const both = await Promise.all(
    [openBlobCache(env), openBlobCache(env)].map((cache) => cache.write(slowly(), signal, expected)),
  );

  expect(both.map(({ digest }) => digest)).toEqual([expected.digest, expected.digest]);
});

const dayMs = 24 * 60 * 60 * 1000;

/** As if it had last been used that long ago. */
function age(path: string, days: number): void {
  const then = new Date(Date.now() - days * dayMs);
  utimesSync(path, then, then);
}

/** The same cache, as another process opens it. */
function openAgain({ folder }: BlobCache): BlobCache {
  return openBlobCache({ XDG_CACHE_HOME: join(folder, '..') });
}

test('what a killed process left half-written goes a day later', async () => {
  const cache = openNew();
  await cache.write(content, signal);
  await cache.writeNote('note', 1);
  for (const folder of ['blobs', 'notes']) {
    writeFileSync(join(cache.folder, folder, 'left.tmp'), 'half');
    writeFileSync(join(cache.folder, folder, 'fresh.tmp'), 'half');
    age(join(cache.folder, folder, 'left.tmp'), 2);
  }

  await openAgain(cache).write(content, signal);

  expect(readdirSync(join(cache.folder, 'blobs')).sort()).toEqual(['fresh.tmp', 'sha256']);
  expect(readdirSync(join(cache.folder, 'notes')).sort()).toEqual(['fresh.tmp', 'note']);
});

test('what nobody used for a month goes, and what was looked at since stays', async () => {
  const cache = openNew();
  const contents = ['found', 'read', 'forgotten', 'of last week'].map((text) => Buffer.from(text));
  const blobs = await Promise.all(contents.map((bytes) => cache.write(bytes, signal)));
  const [found, read, forgotten, recent] = blobs as [CachedBlob, CachedBlob, CachedBlob, CachedBlob];
  for (const name of ['wanted', 'unwanted']) await cache.writeNote(name, name);
  const notes = (name: string) => join(cache.folder, 'notes', name);
  for (const path of [found.path, read.path, forgotten.path, notes('wanted'), notes('unwanted')])
    age(path, 31);
  age(recent.path, 7);

  const later = openAgain(cache);
  await later.find(found, signal);
  await later.read(read.digest);
  await later.readNote('wanted');
  await later.write(content, signal);

  expect(await later.find(forgotten, signal)).toBeUndefined();
  expect(await later.readNote('unwanted')).toBeUndefined();
  for (const { digest } of [found, read, recent]) expect(await later.read(digest)).toBeDefined();
  expect(await later.readNote('wanted')).toBe('wanted');
});

test('an error of reading what is stored is not told as one of writing the cache', async () => {
  async function* unreadable(): AsyncGenerator<Uint8Array> {
    yield content;
    throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
  }

  await expect(openNew().write(unreadable(), signal)).rejects.toThrow('permission denied');
});

test('a cache that cannot be written says where and why', async () => {
  writeFileSync(join(root, 'file'), '');
  const cache = openBlobCache({ XDG_CACHE_HOME: join(root, 'file') });

  await expect(cache.write(content, signal)).rejects.toMatchObject({
    code: 'image_not_writable',
    message: `cannot write ${join(root, 'file', 'causeway')}: a part of the path is not a folder`,
  });
});
