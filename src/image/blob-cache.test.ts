import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobCache } from './blob-cache.ts';
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

test('what a killed process left half-written goes a day later', async () => {
  const cache = openNew();
  await cache.write(content, signal);
  const left = join(cache.folder, 'blobs', 'blob.1.1.tmp');
  const fresh = join(cache.folder, 'blobs', 'blob.2.1.tmp');
  writeFileSync(left, 'half');
  writeFileSync(fresh, 'half');
  utimesSync(left, 0, 0);

  await openBlobCache({ XDG_CACHE_HOME: join(cache.folder, '..') }).write(content, signal);

  expect(readdirSync(join(cache.folder, 'blobs')).sort()).toEqual(['blob.2.1.tmp', 'sha256']);
});

test('a cache that cannot be written says where and why', async () => {
  writeFileSync(join(root, 'file'), '');
  const cache = openBlobCache({ XDG_CACHE_HOME: join(root, 'file') });

  await expect(cache.write(content, signal)).rejects.toMatchObject({
    code: 'image_not_writable',
    message: `cannot write ${join(root, 'file', 'causeway')}: a part of the path is not a folder`,
  });
});
