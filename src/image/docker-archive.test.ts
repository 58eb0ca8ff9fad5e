import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackTar } from 'modern-tar';
import { hexOf, sha256 } from './digest.ts';
import { packDockerArchive } from './docker-archive.ts';
import { makeBase } from './fake-base.ts';
import { makeImage } from './fake-image.ts';
import { openLayout } from './layout.ts';
import { readAll } from './stream.ts';
import { copyImage, writeImage } from './write-image.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway archive ')));
afterAll(() => rmSync(root, { recursive: true }));

const { signal } = new AbortController();
const emit = () => undefined;
await makeBase(join(root, 'base'), { platforms: ['linux/amd64', 'linux/arm64'] });
const image = await makeImage({ folder: root });
const reader = openLayout(join(root, 'layout'), { create: true });
await writeImage({ image, to: reader, emit, signal });
const [amd64] = image.platforms;
if (!amd64) throw new Error('unreachable');
const tag = 'causeway/shop:latest';

test('the tar is what docker load takes, and an OCI layout as well', async () => {
  const stream = packDockerArchive({ reader, digest: image.digest, platform: 'linux/amd64', tag, signal });

  const entries = await unpackTar(await readAll(stream, 'it'), { strict: true });
  const texts = new Map(entries.map(({ header, data }) => [header.name, new TextDecoder().decode(data)]));
  const blob = (digest: string) => `blobs/sha256/${hexOf(digest)}`;

  expect(JSON.parse(texts.get('manifest.json') ?? '')).toEqual([
    {
      Config: blob(amd64.configBlob.descriptor.digest),
      RepoTags: [tag],
      Layers: amd64.layers.map(({ descriptor }) => blob(descriptor.digest)),
    },
  ]);
  expect(JSON.parse(texts.get('index.json') ?? '').manifests).toMatchObject([
    {
      digest: amd64.manifest.descriptor.digest,
      annotations: { 'io.containerd.image.name': 'docker.io/causeway/shop:latest' },
    },
  ]);
  for (const { header, data } of entries.filter(({ header }) => header.name.startsWith('blobs/'))) {
    expect(blob(sha256(data ?? new Uint8Array()))).toBe(header.name);
  }
});

test('the same image gives the same bytes, out of a layout of one platform too', async () => {
  const alone = openLayout(join(root, 'alone'), { create: true });
  await copyImage({ from: reader, digest: image.digest, to: alone, platform: 'linux/amd64', emit, signal });
  const pack = async (from: typeof reader) =>
    sha256(
      await readAll(
        packDockerArchive({ reader: from, digest: image.digest, platform: 'linux/amd64', tag, signal }),
        'it',
      ),
    );

  expect(await pack(alone)).toBe(await pack(reader));
});

test('a damaged layer breaks the tar off', async () => {
  const folder = join(root, 'damaged');
  const damaged = openLayout(folder, { create: true });
  await writeImage({ image, to: damaged, emit, signal });
  const app = amd64.layers.at(-1)?.descriptor.digest ?? '';
  rmSync(join(folder, 'blobs/sha256', hexOf(app)));
  writeFileSync(join(folder, 'blobs/sha256', hexOf(app)), 'x');

  const stream = packDockerArchive({
    reader: damaged,
    digest: image.digest,
    platform: 'linux/amd64',
    tag,
    signal,
  });

  await expect(readAll(stream, 'it')).rejects.toMatchObject({ code: 'image_corrupt' });
});
