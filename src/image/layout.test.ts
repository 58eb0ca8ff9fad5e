import { afterAll, expect, test } from 'bun:test';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson } from '../core/release.ts';
import { hexOf, sha256 } from './digest.ts';
import { makeBase } from './fake-base.ts';
import { layoutImage, openLayout } from './layout.ts';
import { indexSchema, mediaTypes } from './oci.ts';
import type { StoredManifest } from './store.ts';
import { readAll } from './stream.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway layout ')));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
const newFolder = () => join(root, String(folders++));
const { signal } = new AbortController();
const platforms = ['linux/amd64', 'linux/arm64'];

function stored(
  content: Readonly<Record<string, unknown>>,
  mediaType: string = mediaTypes.index,
): StoredManifest {
  const bytes = new TextEncoder().encode(canonicalJson({ schemaVersion: 2, mediaType, ...content }));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes };
}

function attachedManifest(subject: string): StoredManifest {
  const empty = { mediaType: mediaTypes.empty, digest: sha256('{}'), size: 2 };
  return stored(
    {
      artifactType: 'application/x',
      config: empty,
      layers: [],
      subject: { mediaType: mediaTypes.index, digest: subject, size: 1 },
      annotations: { kind: 'test' },
    },
    mediaTypes.manifest,
  );
}

function namesIn(folder: string): readonly (string | undefined)[] {
  const index = indexSchema.parse(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')));
  return index.manifests.map(({ annotations }) => annotations?.['org.opencontainers.image.ref.name']);
}

test('what was written is read, by digest and by tag', async () => {
  const folder = newFolder();
  const digest = await makeBase(folder, { platforms, tag: 'stable' });

  const layout = openLayout(folder);
  const byTag = await layout.manifest('stable', signal);

  expect(byTag?.descriptor).toMatchObject({ mediaType: mediaTypes.index, digest });
  expect(await layout.manifest(digest, signal)).toEqual(byTag);
  expect(await layout.manifest('edge', signal)).toBeUndefined();
  expect(await layout.manifest(sha256('nothing'), signal)).toBeUndefined();
  expect(await layoutImage(folder, signal)).toBe(digest);
});

test('a layout names its image alone, and not the manifest of each platform', async () => {
  const folder = newFolder();
  await makeBase(folder, { platforms });

  expect(namesIn(folder)).toEqual([undefined]);
});

test('a blob is a copy of its own of what it comes from, and not written twice', async () => {
  const folder = newFolder();
  const path = join(root, 'blob');
  writeFileSync(path, 'content');
  const descriptor = { mediaType: mediaTypes.layer, digest: sha256('content'), size: 7 };
  const layout = openLayout(folder, { create: true });

  const first = await layout.putBlob({ descriptor, open: async () => ({ path }) }, signal);
  const second = await layout.putBlob(
    { descriptor, open: () => Promise.reject(new Error('opened')) },
    signal,
  );

  expect([first, second]).toEqual(['written', 'present']);
  writeFileSync(path, 'damaged');
  expect(readFileSync(join(folder, 'blobs/sha256', hexOf(descriptor.digest)), 'utf8')).toBe('content');
});

test('of a layout that nobody edits, a blob is the very file that it comes from', async () => {
  const folder = newFolder();
  const descriptor = { mediaType: mediaTypes.layer, digest: sha256('content'), size: 7 };
  const path = join(root, 'private blob');
  writeFileSync(path, 'content');

  await openLayout(folder, { create: true, isPrivate: true }).putBlob(
    { descriptor, open: async () => ({ path }) },
    signal,
  );

  expect(statSync(join(folder, 'blobs/sha256', hexOf(descriptor.digest))).ino).toBe(statSync(path).ino);
});

test('a damaged blob is written anew', async () => {
  const folder = newFolder();
  const descriptor = { mediaType: mediaTypes.layer, digest: sha256('content'), size: 7 };
  const content = { descriptor, open: async () => ({ bytes: Buffer.from('content') }) };
  const layout = openLayout(folder, { create: true });
  await layout.putBlob(content, signal);
  writeFileSync(join(folder, 'blobs/sha256', hexOf(descriptor.digest)), 'contenT');

  expect(await layout.file?.(descriptor, signal)).toBeUndefined();
  expect(await layout.putBlob(content, signal)).toBe('written');
  expect(await layout.file?.(descriptor, signal)).toBe(
    join(folder, 'blobs/sha256', hexOf(descriptor.digest)),
  );
});

test('a tag moves, and an image without a tag takes the place of the one before', async () => {
  const folder = newFolder();
  const layout = openLayout(folder, { create: true });
  const [one, two, three] = ['1', '2', '3'].map((text) => stored({ manifests: [], annotations: { text } }));
  if (!one || !two || !three) throw new Error('unreachable');

  await layout.putManifest(one, 'stable', signal);
  await layout.putManifest(two, 'stable', signal);
  await layout.putManifest(one, undefined, signal);
  await layout.putManifest(three, undefined, signal);

  expect(namesIn(folder)).toEqual(['stable', undefined]);
  expect((await layout.manifest('stable', signal))?.descriptor.digest).toBe(two.descriptor.digest);
  await expect(layoutImage(folder, signal)).rejects.toThrow(`there are 2 images in ${folder}`);
});

test('what is attached is listed as long as the image is there', async () => {
  const folder = newFolder();
  const layout = openLayout(folder, { create: true });
  const image = stored({ manifests: [] });
  const { digest } = image.descriptor;
  const attached = attachedManifest(digest);

  await layout.putManifest(image, undefined, signal);
  await layout.putManifest(attached, undefined, signal);
  await layout.putManifest(attached, `${digest.replace(':', '-')}.sig`, signal);

  expect(await layout.referrers(digest, signal)).toEqual([
    { ...attached.descriptor, artifactType: 'application/x', annotations: { kind: 'test' } },
  ]);
  expect(await layoutImage(folder, signal)).toBe(digest);
  await layout.putManifest(stored({ manifests: [], annotations: { text: 'next' } }), undefined, signal);
  expect(await layout.referrers(digest, signal)).toEqual([]);
});

test('two manifests that are put at once are both listed', async () => {
  const layout = openLayout(newFolder(), { create: true });
  const all = ['a', 'b', 'c'].map((tag) => ({ tag, one: stored({ manifests: [], annotations: { tag } }) }));

  await Promise.all(all.map(({ tag, one }) => layout.putManifest(one, tag, signal)));

  expect([...namesIn(layout.name)].sort()).toEqual(['a', 'b', 'c']);
});

const damages: readonly (readonly [string, (folder: string, digest: string) => void, RegExp])[] = [
  [
    'no oci-layout',
    (folder) => rmSync(join(folder, 'oci-layout')),
    /oci-layout is missing, so .* is no OCI layout$/,
  ],
  [
    'another version',
    (folder) => writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}'),
    /oci-layout does not name a version 1/,
  ],
  ['no index.json', (folder) => rmSync(join(folder, 'index.json')), /index\.json is missing, so /],
  ['a pipe as index.json', (folder) => makePipe(join(folder, 'index.json')), /index\.json is no file$/],
  [
    'an index.json without end',
    (folder) => link('/dev/zero', join(folder, 'index.json')),
    /index\.json is no file$/,
  ],
  [
    'an index.json that is too long',
    (folder) => truncateSync(join(folder, 'index.json'), 2 ** 23 + 1),
    /index\.json is longer than 8388608 bytes$/,
  ],
  ['a pipe as oci-layout', (folder) => makePipe(join(folder, 'oci-layout')), /oci-layout is no file$/],
  [
    'a pipe as a manifest',
    (folder, digest) => makePipe(join(folder, 'blobs/sha256', hexOf(digest))),
    /blobs\/sha256\/[0-9a-f]{64} is no file$/,
  ],
  [
    'half an index.json',
    (folder) => writeFileSync(join(folder, 'index.json'), '{"sch'),
    /index\.json has not the shape/,
  ],
  [
    'a digest that is a path',
    (folder) =>
      writeFileSync(
        join(folder, 'index.json'),
        '{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"sha256:../../../etc/passwd"}]}',
      ),
    /index\.json has not the shape/,
  ],
  [
    'a missing manifest',
    (folder, digest) => rmSync(join(folder, 'blobs/sha256', hexOf(digest))),
    /blobs\/sha256\/[0-9a-f]{64} is missing, and index\.json names it$/,
  ],
  [
    'a changed manifest',
    (folder, digest) => writeFileSync(join(folder, 'blobs/sha256', hexOf(digest)), '{}'),
    /blobs\/sha256\/[0-9a-f]{64} is sha256:[0-9a-f]{64}, and should be sha256:/,
  ],
];

test.each(damages)('a layout with %s is refused, and the file is named', async (_, damage, message) => {
  const folder = newFolder();
  const digest = await makeBase(folder, { platforms });
  damage(folder, digest);

  const reading = openLayout(folder).manifest(digest, signal);

  await expect(reading).rejects.toMatchObject({ code: 'image_corrupt' });
  await expect(reading).rejects.toThrow(message);
});

function makePipe(path: string): void {
  rmSync(path);
  Bun.spawnSync(['mkfifo', path]);
}

function link(to: string, path: string): void {
  rmSync(path);
  symlinkSync(to, path);
}

test('a layout whose files are links is read as well', async () => {
  const folder = newFolder();
  const digest = await makeBase(folder, { platforms });
  renameSync(join(folder, 'index.json'), join(folder, 'other'));
  symlinkSync('other', join(folder, 'index.json'));

  expect(await layoutImage(folder, signal)).toBe(digest);
});

test('a pipe in the place of a blob is damage, and not waited for', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const descriptor = { mediaType: mediaTypes.layer, digest: sha256('content'), size: 7 };
  Bun.spawnSync(['mkfifo', join(folder, 'blobs/sha256', hexOf(descriptor.digest))]);

  await expect(openLayout(folder).blob(descriptor, signal)).rejects.toThrow(/ is no file$/);
});

test('a layout that was never finished names no image', async () => {
  const folder = newFolder();
  const descriptor = { mediaType: mediaTypes.layer, digest: sha256('content'), size: 7 };
  const bytes = Buffer.from('content');

  await openLayout(folder, { create: true }).putBlob({ descriptor, open: async () => ({ bytes }) }, signal);

  expect(readdirSync(folder).toSorted()).toEqual(['blobs', 'oci-layout']);
});

test('a blob that is missing, cut or changed is told with its file', async () => {
  const folder = newFolder();
  const layout = openLayout(folder, { create: true });
  const descriptor = { mediaType: mediaTypes.layer, digest: sha256('content'), size: 7 };
  const path = join(folder, 'blobs/sha256', hexOf(descriptor.digest));
  await layout.putBlob({ descriptor, open: async () => ({ bytes: Buffer.from('content') }) }, signal);
  const read = async () => readAll(await layout.blob(descriptor, signal), 'it');

  writeFileSync(path, 'cont');
  await expect(read()).rejects.toThrow(`${path} ends after 4 of the 7 bytes`);
  writeFileSync(path, 'contenT');
  await expect(read()).rejects.toMatchObject({ code: 'image_corrupt' });
  rmSync(path);
  await expect(read()).rejects.toMatchObject({ code: 'image_not_found', message: `${path} is missing` });
});

test('a folder with other things in it is not made a layout', async () => {
  const folder = newFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, 'notes.txt'), 'mine');

  const writing = openLayout(folder, { create: true }).putManifest(
    stored({ manifests: [] }),
    undefined,
    signal,
  );

  await expect(writing).rejects.toMatchObject({ code: 'image_not_writable' });
  expect(readdirSync(folder)).toEqual(['notes.txt']);
});

test('a place that cannot be written is told with the reason', async () => {
  const file = newFolder();
  writeFileSync(file, '');
  const put = (folder: string) =>
    openLayout(folder, { create: true }).putManifest(stored({ manifests: [] }), undefined, signal);

  await expect(put(join(file, 'below'))).rejects.toMatchObject({
    code: 'image_not_writable',
    message: `cannot write ${join(file, 'below')}: a part of the path is not a folder`,
  });
  if (process.getuid?.() === 0) return;
  const closed = newFolder();
  mkdirSync(closed);
  chmodSync(closed, 0o500);
  await expect(put(join(closed, 'below'))).rejects.toThrow('you may not write there');
});

test('a layout that was begun and broken off is gone on with', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'blobs'), { recursive: true });
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');

  const digest = await makeBase(folder, { platforms });

  expect(await layoutImage(folder, signal)).toBe(digest);
});
