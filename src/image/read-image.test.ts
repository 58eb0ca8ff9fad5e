import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackTar } from 'modern-tar';
import { canonicalJson } from '../core/release.ts';
import { sha256 } from './digest.ts';
import { makeBase } from './fake-base.ts';
import { makeImage } from './fake-image.ts';
import { openLayout } from './layout.ts';
import {
  type Descriptor,
  type ImageConfig,
  indexSchema,
  type Manifest,
  manifestSchema,
  mediaTypes,
} from './oci.ts';
import { readArtifact, readImage } from './read-image.ts';
import { writeImage } from './write-image.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway read ')));
afterAll(() => rmSync(root, { recursive: true }));

const { signal } = new AbortController();
const emit = () => undefined;
await makeBase(join(root, 'base'), { platforms: ['linux/amd64', 'linux/arm64'] });
const image = await makeImage({ folder: root });
const from = openLayout(join(root, 'layout'), { create: true });
await writeImage({ image, to: from, emit, signal });

test('an image is read with its platforms and its artifact', async () => {
  const read = await readImage({ from, digest: image.digest, signal });

  expect(read.artifact).toBe(image.artifact);
  expect(read.index.descriptor.digest).toBe(image.digest);
  expect(read.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
  expect(read.platforms.map(({ config }) => config)).toEqual(image.platforms.map(({ config }) => config));
});

test('the artifact comes out as it went in, with its command', async () => {
  const { artifact, command } = await readArtifact({ from, digest: image.digest, signal });

  expect(artifact.digest).toBe(image.artifact);
  expect(sha256(artifact.tar)).toBe(image.artifact);
  expect(command).toEqual(['bun', 'main.js']);
  expect((await unpackTar(artifact.tar)).map(({ header }) => header.name)).toEqual(['app/main.js']);
});

test('an image of others has no artifact', async () => {
  const folder = join(root, 'base');
  const digest = (
    await openLayout(folder).manifest(await makeBase(folder, { platforms: ['linux/amd64'] }), signal)
  )?.descriptor.digest;

  const read = await readImage({ from: openLayout(folder), digest: digest ?? '', signal });
  const taking = readArtifact({ from: openLayout(folder), digest: digest ?? '', signal });

  expect(read).not.toHaveProperty('artifact');
  await expect(taking).rejects.toMatchObject({ code: 'image_unverified' });
});

test('an image that says that it holds another artifact than it does is damaged', async () => {
  const digest = await changed((manifest, config) => ({
    manifest,
    config: { ...config, config: { Labels: { 'causeway.artifact': sha256('another') } } },
  }));

  await expect(readImage({ from, digest, signal })).rejects.toMatchObject({ code: 'image_corrupt' });
});

test('an image that others built on one of ours is theirs, though it inherits our label', async () => {
  const digest = await changed((manifest, config) => {
    const { diff_ids: diffIds } = (config as unknown as ImageConfig).rootfs;
    const top = manifest.layers.at(0);
    return {
      manifest: { ...manifest, layers: [...manifest.layers, ...(top ? [top] : [])] },
      config: { ...config, rootfs: { type: 'layers', diff_ids: [...diffIds, sha256('theirs')] } },
    };
  });

  expect(await readImage({ from, digest, signal })).not.toHaveProperty('artifact');
  await expect(readArtifact({ from, digest, signal })).rejects.toMatchObject({ code: 'image_unverified' });
});

test('a last layer that is not what its diffID says is damaged', async () => {
  const digest = await changed((manifest, config) => ({
    manifest: { ...manifest, layers: manifest.layers.toReversed() },
    config,
  }));

  await expect(readArtifact({ from, digest, signal })).rejects.toThrow(
    /holds sha256:.*, and its config says /,
  );
});

test('an image that has not as many layers as its config tells of is damaged', async () => {
  const digest = await changed((manifest, config) => ({
    manifest: { ...manifest, layers: manifest.layers.slice(1) },
    config,
  }));

  await expect(readImage({ from, digest, signal })).rejects.toThrow(/does not have the layers/);
});

const odd: readonly (readonly [
  string,
  (manifests: readonly Descriptor[]) => readonly Descriptor[],
  RegExp,
])[] = [
  [
    'whose platforms are exchanged',
    ([one, two]) => [
      { ...need(one), platform: need(two?.platform) },
      { ...need(two), platform: need(one?.platform) },
    ],
    /is listed for linux\/arm64, and its config is for linux\/amd64$/,
  ],
  ['with two images for a platform', ([one]) => [need(one), need(one)], /names two images for linux\/amd64$/],
  [
    'with another size than what came',
    ([one]) => [{ ...need(one), size: 5 }],
    /has \d+ bytes, and is listed with 5$/,
  ],
  [
    'with another type than what came',
    ([one]) => [{ ...need(one), mediaType: mediaTypes.dockerManifest }],
    /is a .*oci.*, and is listed as a .*docker/,
  ],
  [
    'with more images than there are platforms',
    ([one]) => Array.from({ length: 65 }, () => need(one)),
    /names 65 images, and no more than 64 are read$/,
  ],
];

test.each(odd)('an index %s is damaged', async (_, change, message) => {
  const { manifests } = indexSchema.parse(JSON.parse(new TextDecoder().decode(image.index.bytes)));
  const digest = await stored({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: change(manifests),
  });

  const reading = readImage({ from, digest, signal });

  await expect(reading).rejects.toMatchObject({ code: 'image_corrupt' });
  await expect(reading).rejects.toThrow(message);
});

test('images for Windows are told apart by its version, and a variant may be missing in the config', async () => {
  const platform = { os: 'windows', architecture: 'amd64' };
  const config = { os: 'windows', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } };
  const arm = { os: 'linux', architecture: 'arm', rootfs: { type: 'layers', diff_ids: [] } };
  const [windows, linux] = [await bare(config), await bare(arm)];
  const digest = await stored({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [
      { ...windows, platform: { ...platform, 'os.version': '10.0.1' } },
      { ...windows, platform: { ...platform, 'os.version': '10.0.2' } },
      { ...linux, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    ],
  });

  const { platforms } = await readImage({ from, digest, signal });

  expect(platforms.map((one) => one.platform)).toEqual(['windows/amd64', 'windows/amd64', 'linux/arm/v7']);
});

test('a layer that unpacks to more than an artifact can have is not held', async () => {
  const reading = readArtifact({ from, digest: image.digest, mostBytes: 1000, signal });

  await expect(reading).rejects.toThrow(/is longer than 1000 bytes$/);
});

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('unreachable');
  return value;
}

/** A manifest without layers. */
async function bare(config: Json): Promise<Descriptor> {
  const bytes = Buffer.from(canonicalJson(config));
  const descriptor = { mediaType: mediaTypes.config, digest: sha256(bytes), size: bytes.byteLength };
  await from.putBlob({ descriptor, open: async () => ({ bytes }) }, signal);
  const digest = await stored({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor,
    layers: [],
  });
  const found = await from.manifest(digest, signal);
  return need(found).descriptor;
}

async function stored(content: Json): Promise<string> {
  const bytes = Buffer.from(canonicalJson(content));
  const mediaType = String(content.mediaType);
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
  await from.putManifest({ descriptor, bytes }, undefined, signal);
  return descriptor.digest;
}

type Json = Readonly<Record<string, unknown>>;

/** The digest of a changed copy of the image's first platform. */
async function changed(
  change: (manifest: Manifest, config: Json) => { readonly manifest: Manifest; readonly config: Json },
): Promise<string> {
  const [first] = image.platforms;
  if (!first) throw new Error('unreachable');
  const made = change(
    manifestSchema.parse(JSON.parse(new TextDecoder().decode(first.manifest.bytes))),
    first.config,
  );
  const config = Buffer.from(canonicalJson(made.config));
  const configDescriptor = { mediaType: mediaTypes.config, digest: sha256(config), size: config.byteLength };
  await from.putBlob({ descriptor: configDescriptor, open: async () => ({ bytes: config }) }, signal);
  const bytes = Buffer.from(canonicalJson({ ...made.manifest, config: configDescriptor }));
  const descriptor = { mediaType: mediaTypes.manifest, digest: sha256(bytes), size: bytes.byteLength };
  await from.putManifest({ descriptor, bytes }, undefined, signal);
  return descriptor.digest;
}
