import { expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { sha256 } from '../digest.ts';
import { mediaTypes } from '../oci.ts';
import { type BaseContents, listBasePackages } from './base-packages.ts';

const signal = AbortSignal.timeout(60_000);

/** A layer with these files; `null` is a folder. */
async function layerOf(
  files: Readonly<Record<string, string | null>>,
  mediaType: string = mediaTypes.gzipLayer,
) {
  const tar = await packTar(
    Object.entries(files).map(([name, body]) => ({
      header: {
        name,
        type: body === null ? ('directory' as const) : ('file' as const),
        size: Buffer.byteLength(body ?? ''),
        mtime: new Date(0),
      },
      ...(body === null ? {} : { body }),
    })),
  );
  const bytes = new Uint8Array(packed(tar, mediaType));
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
  return { descriptor, diffId: sha256(tar), content: { descriptor, open: async () => ({ bytes }) } };
}

function packed(tar: Uint8Array, mediaType: string): Uint8Array {
  if (mediaType === mediaTypes.zstdLayer) return zstdCompressSync(tar);
  return mediaType === mediaTypes.layer ? tar : gzipSync(tar);
}

function openNotes() {
  const noted = new Map<string, unknown>();
  return {
    noted,
    readNote: async (name: string) => noted.get(name),
    writeNote: async (name: string, json: unknown) => void noted.set(name, JSON.parse(JSON.stringify(json))),
  };
}

async function contentsOf(...layers: readonly Awaited<ReturnType<typeof layerOf>>[]): Promise<BaseContents> {
  return listBasePackages({ layers, notes: openNotes(), signal });
}

const debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n';

function dpkg(name: string, version: string, status?: string): string {
  const installed = status === undefined ? '' : `Status: ${status}\n`;
  return `Package: ${name}\n${installed}Architecture: amd64\nVersion: ${version}\nDescription: words\n more: words\n\n`;
}

const libc = { type: 'deb', name: 'libc6', version: '2.36-9+deb12u4', architecture: 'amd64' } as const;

test('a distroless base lists its packages, a file each', async () => {
  const layer = await layerOf({
    './usr/lib/os-release': debian,
    './var/lib/dpkg/status.d/libc6': dpkg('libc6', '2.36-9+deb12u4'),
    './var/lib/dpkg/status.d/libc6.md5sums': 'Package: no\nVersion: 1\n',
    './var/lib/dpkg/status.d/base': dpkg('base-files', '12.4'),
  });

  expect(await contentsOf(layer)).toEqual({
    distribution: { id: 'debian', version: '12' },
    packages: [{ ...libc, name: 'base-files', version: '12.4' }, libc],
  });
});

test('of dpkg what is installed counts, and not what was removed', async () => {
  const status =
    dpkg('libc6', '2.36-9+deb12u4', 'install ok installed') + dpkg('gone', '1', 'deinstall ok config-files');

  expect((await contentsOf(await layerOf({ 'var/lib/dpkg/status': status }))).packages).toEqual([libc]);
});

test('an Alpine base tells the licenses, too', async () => {
  const layer = await layerOf({
    'etc/os-release': 'ID=alpine\nVERSION_ID=3.20.1\n',
    'lib/apk/db/installed':
      'C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\nP:zlib\nV:1.3-r2\nA:x86_64\nL:Zlib\n',
  });

  expect(await contentsOf(layer)).toEqual({
    distribution: { id: 'alpine', version: '3.20.1' },
    packages: [
      { type: 'apk', name: 'musl', version: '1.2.5-r0', architecture: 'x86_64', license: 'MIT' },
      { type: 'apk', name: 'zlib', version: '1.3-r2', architecture: 'x86_64', license: 'Zlib' },
    ],
  });
});

test('an upper layer replaces, removes and empties what lower ones hold', async () => {
  const names = async (...upper: readonly Readonly<Record<string, string | null>>[]) => {
    const lower = await layerOf({
      'var/lib/dpkg/status.d/a': dpkg('a', '1'),
      'var/lib/dpkg/status.d/b': dpkg('b', '1'),
    });
    const { packages } = await contentsOf(
      lower,
      ...(await Promise.all(upper.map((files) => layerOf(files)))),
    );
    return packages.map(({ name, version }) => `${name} ${version}`);
  };

  expect(await names({ 'var/lib/dpkg/status.d/a': dpkg('a', '2') })).toEqual(['a 2', 'b 1']);
  expect(await names({ 'var/lib/dpkg/status.d/.wh.a': '' })).toEqual(['b 1']);
  expect(await names({ 'var/lib/.wh.dpkg': '' })).toEqual([]);
  expect(
    await names({ 'var/lib/dpkg/status.d/c': dpkg('c', '1'), 'var/lib/dpkg/status.d/.wh..wh..opq': '' }),
  ).toEqual(['c 1']);
  expect(await names({ 'var/lib/': null, 'var/lib/dpkg/': null })).toEqual(['a 1', 'b 1']);
  expect(await names({ '.wh..wh..opq': '' }, { 'var/lib/dpkg/status.d/d': dpkg('d', '1') })).toEqual(['d 1']);
  expect(await names({ 'var/lib/dpkg': 'a file' })).toEqual([]);
});

test('a layer counts however it is compressed', async () => {
  const files = { 'var/lib/dpkg/status.d/libc6': dpkg('libc6', '2.36-9+deb12u4') };

  for (const mediaType of [
    mediaTypes.layer,
    mediaTypes.gzipLayer,
    mediaTypes.zstdLayer,
    mediaTypes.dockerLayer,
  ]) {
    expect((await contentsOf(await layerOf(files, mediaType))).packages).toEqual([libc]);
  }
});

test('a base that lists nothing has no packages, and is no error', async () => {
  expect(await contentsOf(await layerOf({ 'bin/sh': '#!' }))).toEqual({ packages: [] });
});

test.each([
  ['cut', (tar: Uint8Array) => tar.subarray(0, 1000)],
  [
    'of headers that are none',
    (tar: Uint8Array) => tar.fill('x'.charCodeAt(0), 156, 157).fill('7'.charCodeAt(0), 124, 135),
  ],
])('a layer whose tar is %s is told as damage, and is named', async (_, damage) => {
  const whole = await packTar([{ header: { name: 'etc/base', size: 2000 }, body: 'x'.repeat(2000) }]);
  const bytes = new Uint8Array(gzipSync(damage(whole)));
  const descriptor = { mediaType: mediaTypes.gzipLayer, digest: sha256(bytes), size: bytes.byteLength };
  const layer = { descriptor, diffId: sha256('x'), content: { descriptor, open: async () => ({ bytes }) } };

  await expect(contentsOf(layer)).rejects.toMatchObject({
    code: 'image_corrupt',
    message: expect.stringContaining(`the base's layer ${descriptor.digest} cannot be read as a tar: `),
  });
});

test('a tar counts whose end is not marked', async () => {
  const tar = await packTar([
    {
      header: { name: 'var/lib/dpkg/status.d/libc6', size: 512 },
      body: dpkg('libc6', '2.36-9+deb12u4').padEnd(512, '\n'),
    },
  ]);
  const bytes = tar.slice(0, 1024);
  const descriptor = { mediaType: mediaTypes.layer, digest: sha256(bytes), size: bytes.byteLength };
  const layer = { descriptor, diffId: sha256('x'), content: { descriptor, open: async () => ({ bytes }) } };

  expect((await contentsOf(layer)).packages).toEqual([libc]);
});

test('a base that was read once is not opened again', async () => {
  const layer = await layerOf({ 'var/lib/dpkg/status.d/libc6': dpkg('libc6', '2.36-9+deb12u4') });
  const closed = { ...layer, content: { ...layer.content, open: () => Promise.reject(new Error('opened')) } };
  const notes = openNotes();

  const first = await listBasePackages({ layers: [layer], notes, signal });

  expect(await listBasePackages({ layers: [closed], notes, signal })).toEqual(first);
  for (const name of notes.noted.keys()) notes.noted.set(name, { packages: 'damaged' });
  expect(await listBasePackages({ layers: [layer], notes, signal })).toEqual(first);
});

test('a layer that is damaged is refused', async () => {
  const layer = await layerOf({ 'var/lib/dpkg/status.d/libc6': dpkg('libc6', '1') }, mediaTypes.layer);
  const open = async () => {
    const { bytes } = await layer.content.open();
    return { bytes: bytes.with(520, 0) };
  };

  await expect(contentsOf({ ...layer, content: { ...layer.content, open } })).rejects.toThrow(
    layer.descriptor.digest,
  );
});
