import { afterAll, expect, test } from 'bun:test';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { behindLink, besides, withWriteErrors, writeNew, writeWhole } from './write-file.ts';

const root = mkdtempSync(join(tmpdir(), 'causeway write-file '));
afterAll(() => rmSync(root, { recursive: true }));

const content = Buffer.from('content');

async function* broken(code: string): AsyncGenerator<Uint8Array> {
  yield content;
  throw Object.assign(new Error('the source broke'), { code });
}

test('names beside a path differ, whatever process or container makes them', () => {
  const names = Array.from({ length: 100 }, () => besides('/cache/blob'));

  expect(new Set(names).size).toBe(100);
  expect(names.every((name) => /^\/cache\/blob\.[0-9a-f-]{36}\.tmp$/.test(name))).toBe(true);
});

test("a write that fails leaves another one's file, and nothing of its own", async () => {
  const folder = mkdtempSync(join(root, 'folder '));
  writeFileSync(join(folder, 'theirs'), 'half');

  await expect(writeNew(join(folder, 'theirs'), content)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(writeNew(join(folder, 'ours'), broken('EIO'))).rejects.toThrow('the source broke');
  await expect(writeWhole(join(folder, 'whole'), broken('EIO'))).rejects.toThrow('the source broke');

  expect(readdirSync(folder)).toEqual(['theirs']);
  expect(readFileSync(join(folder, 'theirs'), 'utf8')).toBe('half');
});

test('a place where nothing can be made is told in plain words', async () => {
  const folder = '/proc/causeway';

  await expect(
    withWriteErrors(folder, 'mend that', () => writeWhole(join(folder, 'file'), content)),
  ).rejects.toMatchObject({
    code: 'image_not_writable',
    message: `cannot write ${folder}: there is no such place, and none can be made there`,
  });
});

test('what a link leads to is written, and the link stays', async () => {
  const folder = mkdtempSync(join(root, 'links '));
  symlinkSync('new', join(folder, 'link'));

  await writeWhole(await behindLink(join(folder, 'link')), Buffer.from('one'));
  await writeWhole(await behindLink(join(folder, 'link')), Buffer.from('two'));

  expect(readlinkSync(join(folder, 'link'))).toBe('new');
  expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('two');
});

test('an error of writing is told in plain words, and one of reading is not taken for it', async () => {
  const path = join(root, 'file');
  writeFileSync(path, '');
  const write = (to: string, source: AsyncIterable<Uint8Array> | Uint8Array) =>
    withWriteErrors('the cache', 'mend that', (reading) => writeWhole(to, reading(source)));

  await expect(write(join(path, 'below'), content)).rejects.toMatchObject({
    code: 'image_not_writable',
    message: expect.stringMatching(/^cannot write the cache: /),
  });
  await expect(write(join(root, 'other'), broken('EACCES'))).rejects.toThrow('the source broke');
});
