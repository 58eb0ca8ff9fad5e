import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
  ['a file behind a link', [link('app/link', 'real'), file('app/link/out')], /behind a link/],
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

  await expect(unpackArtifact(tar, folder)).rejects.toThrow(message);

  expect(existsSync(folder)).toBe(false);
  expect(readdirSync(root)).not.toContain('out');
});
