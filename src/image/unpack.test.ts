import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packTar, type TarEntry } from 'modern-tar';
import { unpackArtifact } from './unpack.ts';

const root = mkdtempSync(join(tmpdir(), 'causeway-unpack-'));
afterAll(() => rmSync(root, { recursive: true }));

function file(name: string): TarEntry {
  return { header: { name, size: 1, type: 'file' }, body: 'x' };
}

function link(name: string, linkname: string): TarEntry {
  return { header: { name, size: 0, type: 'symlink', linkname } };
}

const hostile: readonly (readonly [string, readonly TarEntry[], RegExp])[] = [
  ['a path that climbs out', [file('app/../../out')], /leaves its folder/],
  ['an absolute path', [file('/etc/out')], /not under app/],
  ['an absolute path under app', [file('app//etc/out')], /not under app/],
  ['a path beside app', [file('other/out')], /not under app/],
  ['a link that climbs out', [link('app/link', '../../out')], /leaves its folder/],
  ['an absolute link', [link('app/link', '/etc')], /leaves its folder/],
  ['a link without an end', [link('app/a', 'b'), link('app/b', 'a')], /leaves its folder/],
  [
    'a link that leaves by way of others',
    [file('app/d/e/x'), link('app/up', 'd/e'), link('app/out', 'up/../../../out')],
    /leaves its folder/,
  ],
  [
    'a link whose target another link moves',
    [file('app/d/x'), link('app/d/here', '../d'), link('app/a/b/c', '../../d/here/../../out')],
    /leaves its folder/,
  ],
  ['a file behind a link', [link('app/link', 'real'), file('app/link/out')], /behind a link/],
  ['a file below a file', [file('app/a'), file('app/a/b')], /below the file app\/a$/],
  ['a file above what was there before', [file('app/a/b'), file('app/a')], /below the file app\/a$/],
  ['a file twice', [file('app/a'), file('app/./a')], /twice$/],
  ['a folder', [{ header: { name: 'app/folder/', size: 0, type: 'directory' } }], /a directory$/],
  ['a pipe', [{ header: { name: 'app/pipe', size: 0, type: 'fifo' } }], /a fifo$/],
  [
    'a hard link',
    [{ header: { name: 'app/hard', size: 0, type: 'link', linkname: '/etc/passwd' } }],
    /a link$/,
  ],
  ['a device', [{ header: { name: 'app/null', size: 0, type: 'character-device' } }], /character-device/],
];

test.each(hostile)('%s is refused before anything is written', async (_, entries, message) => {
  const folder = join(root, 'into', String(hostile.findIndex(([, others]) => others === entries)));
  const tar = await packTar([file('app/first'), ...entries]);

  await expect(unpackArtifact(tar, folder)).rejects.toMatchObject({
    code: 'image_corrupt',
    message: expect.stringMatching(message),
  });

  expect(existsSync(folder)).toBe(false);
  expect(readdirSync(root)).not.toContain('out');
});

test('what is no whole tar is refused as damaged', async () => {
  const tar = await packTar([file('app/first')]);
  const folder = join(root, 'no tar');

  for (const bytes of [tar.subarray(0, 700), Buffer.alloc(2048, 'no tar'), Buffer.from('short')]) {
    await expect(unpackArtifact(bytes, folder)).rejects.toMatchObject({ code: 'image_corrupt' });
  }

  expect(existsSync(folder)).toBe(false);
});

test('a link by way of another link is kept, where it stays in the folder', async () => {
  const folder = join(root, 'workspaces');
  const tar = await packTar([
    file('app/packages/tool/cli.js'),
    link('app/node_modules/tool', '../packages/tool'),
    link('app/node_modules/.bin/tool', '../tool/cli.js'),
  ]);

  await unpackArtifact(tar, folder);

  expect(readFileSync(join(folder, 'node_modules/.bin/tool'), 'utf8')).toBe('x');
});
