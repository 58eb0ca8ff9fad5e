import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson } from '../core/release.ts';
import { sha256 } from './digest.ts';
import { makeBase } from './fake-base.ts';
import { makeImage } from './fake-image.ts';
import type { ImageEvent } from './image-event.ts';
import { layoutImage, openLayout } from './layout.ts';
import { mediaTypes } from './oci.ts';
import { readImage } from './read-image.ts';
import { clientOf } from './registry/fake-client.ts';
import { answerWith, FakeRegistry } from './registry/fake-registry.ts';
import type { ImageReader, ImageWriter, StoredManifest } from './store.ts';
import { copyImage, writeImage } from './write-image.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway write ')));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
const newFolder = () => join(root, String(folders++));
const { signal } = new AbortController();
const emit = () => undefined;

const project = join(root, 'project');
await makeBase(join(project, 'base'), { platforms: ['linux/amd64', 'linux/arm64'] });
const image = await makeImage({ folder: project });
const source = join(root, 'source');
await writeImage({ image, to: openLayout(source, { create: true }), emit, signal });

/** Keeps the order in which a layout is written to; `fail` may break an act off. */
function watched(to: ImageWriter, fail: (act: string) => void = () => undefined) {
  const acts: string[] = [];
  const act = <T>(name: string, work: () => Promise<T>) => {
    fail(name);
    return work().finally(() => acts.push(name));
  };
  const writer: ImageWriter = {
    name: to.name,
    manifest: (reference, inner) => to.manifest(reference, inner),
    blob: (descriptor, inner) => to.blob(descriptor, inner),
    referrers: (digest, inner) => to.referrers(digest, inner),
    putBlob: (content, inner) => act('blob', () => to.putBlob(content, inner)),
    putManifest: (stored, tag, inner) =>
      act(stored.descriptor.mediaType === mediaTypes.index ? 'index' : 'manifest', () =>
        to.putManifest(stored, tag, inner),
      ),
  };
  return { acts, writer };
}

/** Without files of its own, as a registry is. */
function remote(folder: string): ImageReader {
  const layout = openLayout(folder);
  return {
    name: 'registry.example.com/team/shop',
    manifest: (reference, inner) => layout.manifest(reference, inner),
    blob: (descriptor, inner) => layout.blob(descriptor, inner),
    referrers: (digest, inner) => layout.referrers(digest, inner),
  };
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => `${name} ${sha256(readFileSync(join(parentPath, name)))}`)
    .sort();
}

test('what refers to something is written after it, and each blob once', async () => {
  const { acts, writer } = watched(openLayout(newFolder(), { create: true }));
  const events: ImageEvent[] = [];

  await writeImage({ image, to: writer, emit: (event) => events.push(event), signal });

  // The base and the service are the same for both platforms; each has its own config.
  expect(acts).toEqual(['blob', 'blob', 'blob', 'blob', 'manifest', 'manifest', 'index']);
  expect(events.filter(({ kind }) => kind === 'written')).toHaveLength(4);
});

test('what is there is not written again', async () => {
  const folder = newFolder();
  const events: ImageEvent[] = [];
  const write = () =>
    writeImage({
      image,
      to: openLayout(folder, { create: true }),
      emit: (event) => events.push(event),
      signal,
    });

  await write();
  const before = filesIn(folder);
  events.length = 0;
  await write();

  const how = events.flatMap((event) => (event.kind === 'written' ? [event.how] : []));
  expect(how).toEqual(['present', 'present', 'present', 'present']);
  expect(filesIn(folder)).toEqual(before);
});

test.each(['blob', 'manifest', 'index'])('nothing is found where writing a %s fails', async (what) => {
  const folder = newFolder();
  const { writer } = watched(openLayout(folder, { create: true }), (act) => {
    if (act === what) throw new Error(`no ${what}`);
  });

  const writing = writeImage({ image, to: writer, tag: 'stable', emit, signal });

  await expect(writing).rejects.toThrow(`no ${what}`);
  const left = openLayout(folder, { create: true });
  if (existsSync(join(folder, 'index.json'))) expect(await left.manifest('stable', signal)).toBeUndefined();
});

test('no manifest is written before it may be published', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { acts, writer } = watched(openLayout(newFolder(), { create: true }));
  const events: ImageEvent[] = [];
  const allBlobs = Promise.withResolvers<void>();

  const writing = writeImage({
    image,
    to: writer,
    mayPublish: promise,
    emit: (event) => {
      events.push(event);
      if (events.filter(({ kind }) => kind === 'written').length === 4) allBlobs.resolve();
    },
    signal,
  });
  await allBlobs.promise;
  const before = [...acts];
  resolve();
  await writing;

  expect(before).not.toContain('manifest');
  expect(acts.at(-1)).toBe('index');
});

test('it is told when the image may be there, and when it is', async () => {
  const to = openLayout(newFolder(), { create: true });
  const told: string[] = [];
  const tell = ({ kind }: ImageEvent) => {
    if (kind === 'publishing' || kind === 'published') told.push(kind);
  };
  const writer: ImageWriter = {
    ...watched(to).writer,
    putBlob: (content, inner) => {
      told.push('blob');
      return to.putBlob(content, inner);
    },
    putManifest: (stored, tag, inner) => {
      told.push(tag ?? stored.descriptor.mediaType.replace(/^.*image\.|\.v1.*$/g, ''));
      return to.putManifest(stored, tag, inner);
    },
  };

  await writeImage({ image, to: writer, tag: 'stable', emit: tell, signal });

  const [, ...afterBlobs] = told.join(' ').split(/(?:blob )+/);
  expect(afterBlobs).toEqual(['publishing manifest manifest stable published']);
});

test('a copy tells it once, before what is attached', async () => {
  const from = newFolder();
  await writeImage({ image, to: openLayout(from, { create: true }), emit, signal });
  await attachTo(openLayout(from), 'sbom', undefined);
  const told: ImageEvent[] = [];
  const { writer } = watched(openLayout(newFolder(), { create: true }), () => {
    if (told.some(({ kind }) => kind === 'published')) throw new Error('what is attached was not written');
  });

  const copying = copyImage({
    from: remote(from),
    digest: image.digest,
    to: writer,
    hasReferrers: true,
    emit: (event) => told.push(event),
    signal,
  });

  await expect(copying).rejects.toThrow('what is attached was not written');
  expect(told.filter(({ kind }) => kind === 'publishing' || kind === 'published')).toEqual([
    { kind: 'publishing', digest: image.digest },
    { kind: 'published', digest: image.digest },
  ]);
});

test('what may not be published is not, and why is thrown', async () => {
  const { acts, writer } = watched(openLayout(newFolder(), { create: true }));
  const told: ImageEvent[] = [];

  const writing = writeImage({
    image,
    to: writer,
    mayPublish: Promise.reject(new Error('tests failed')),
    emit: (event) => told.push(event),
    signal,
  });

  await expect(writing).rejects.toThrow('tests failed');
  expect(told.map(({ kind }) => kind)).not.toContain('publishing');
  expect(acts).not.toContain('manifest');
});

test('an interrupted write ends at once and publishes nothing', async () => {
  const abort = new AbortController();
  const { acts, writer } = watched(openLayout(newFolder(), { create: true }));
  const never = new Promise<void>(() => undefined);

  const writing = writeImage({
    image,
    to: writer,
    mayPublish: never,
    emit: () => abort.abort(new Error('interrupted')),
    signal: abort.signal,
  });

  await expect(writing).rejects.toThrow('interrupted');
  expect(acts).not.toContain('manifest');
});

test.each([
  ['a layout', (folder: string): ImageReader => openLayout(folder)],
  ['a registry', remote],
])('a copy from %s has the same bytes', async (_, open) => {
  const folder = newFolder();
  const { TMPDIR } = process.env;
  process.env.TMPDIR = mkdtempSync(join(root, 'tmp-'));
  const left = () => readdirSync(tmpdir());

  await copyImage({
    from: open(source),
    digest: image.digest,
    to: openLayout(folder, { create: true }),
    emit,
    signal,
  });

  expect(filesIn(folder)).toEqual(filesIn(source));
  expect(left()).toEqual([]);
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
});

test('a copy of one platform keeps the index, and brings that one alone', async () => {
  const folder = newFolder();
  const [amd64, arm64] = image.platforms;

  await copyImage({
    from: openLayout(source),
    digest: image.digest,
    to: openLayout(folder, { create: true }),
    platform: 'linux/arm64',
    emit,
    signal,
  });

  const layout = openLayout(folder);
  expect(await layoutImage(folder, signal)).toBe(image.digest);
  expect(await layout.manifest(arm64?.manifest.descriptor.digest ?? '', signal)).toBeDefined();
  expect(await layout.manifest(amd64?.manifest.descriptor.digest ?? '', signal)).toBeUndefined();
});

test('an image of one manifest without an index is copied as it is', async () => {
  const [from, to] = [newFolder(), newFolder()];
  const digest = await makeBase(from, { platforms: ['linux/amd64'], isSingle: true });

  await copyImage({ from: openLayout(from), digest, to: openLayout(to, { create: true }), emit, signal });

  expect(await layoutImage(to, signal)).toBe(digest);
  expect((await readImage({ from: openLayout(to), digest, signal })).platforms).toHaveLength(1);
});

test('an image that is not there, and a platform that it lacks, are told', async () => {
  const from = openLayout(source);
  const to = openLayout(newFolder(), { create: true });
  const single = newFolder();
  const digest = await makeBase(single, { platforms: ['linux/riscv64', 'linux/amd64'] });

  await expect(copyImage({ from, digest: sha256('none'), to, emit, signal })).rejects.toMatchObject({
    code: 'image_not_found',
  });
  await expect(
    copyImage({ from: openLayout(single), digest, to, platform: 'linux/arm64', emit, signal }),
  ).rejects.toThrow(/has nothing for linux\/arm64; it has linux\/riscv64, linux\/amd64$/);
});

test('what is attached comes along where that is asked for, under its tags', async () => {
  const [from, plain, whole] = [newFolder(), newFolder(), newFolder()];
  await writeImage({ image, to: openLayout(from, { create: true }), tag: 'stable', emit, signal });
  const { digest } = image;
  const sig = `${digest.replace(':', '-')}.sig`;
  await attachTo(openLayout(from), 'sbom', undefined);
  await attachTo(openLayout(from), 'signature', sig);
  const copy = (folder: string, hasReferrers: boolean) =>
    copyImage({
      from: remote(from),
      digest,
      to: openLayout(folder, { create: true }),
      hasReferrers,
      emit,
      signal,
    });

  await copy(plain, false);
  await copy(whole, true);

  expect(await openLayout(plain).referrers(digest, signal)).toHaveLength(0);
  expect(await openLayout(whole).referrers(digest, signal)).toHaveLength(2);
  expect(await openLayout(whole).manifest(sig, signal)).toBeDefined();
});

async function attachTo(to: ImageWriter, text: string, tag: string | undefined): Promise<void> {
  const put = async (mediaType: string, bytes: Uint8Array) => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
    await to.putBlob({ descriptor, open: async () => ({ bytes }) }, signal);
    return descriptor;
  };
  const config = await put(mediaTypes.empty, Buffer.from('{}'));
  const layer = await put('text/plain', Buffer.from(text));
  const bytes = Buffer.from(
    canonicalJson({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: 'text/plain',
      config,
      layers: [layer],
      subject: image.index.descriptor,
    }),
  );
  const descriptor = { mediaType: mediaTypes.manifest, digest: sha256(bytes), size: bytes.byteLength };
  const stored: StoredManifest = { descriptor, bytes };
  await to.putManifest(stored, tag, signal);
}

test('blobs that a registry cleared away before their manifest came are written again, once', async () => {
  await using registry = await FakeRegistry.start();
  const { repository: to } = clientOf(registry);
  const missing = { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown' }] };
  registry.plan(/^PUT .*manifests/, (request, response) => {
    registry.blobs.clear();
    answerWith(404, {}, missing)(request, response);
  });

  await writeImage({ image, to, tag: 'main', emit, signal });

  expect(await readImage({ from: to, digest: image.digest, signal })).toHaveProperty('artifact');
  registry.plan(/^PUT .*manifests/, answerWith(404, {}, missing), 2);
  await expect(writeImage({ image, to, emit, signal })).rejects.toMatchObject({
    code: 'registry_refused',
    hint: expect.stringContaining('run the same command again'),
  });
});

test.each(['index', 'tag'])('a registry that takes the %s and does not have it is told', async (what) => {
  await using registry = await FakeRegistry.start();
  const { repository: to } = clientOf(registry);
  const reference = what === 'tag' ? 'main' : image.digest;
  registry.plan(new RegExp(`^PUT .*/manifests/${reference}$`), answerWith(201));
  if (what === 'index') registry.plan(/^PUT .*manifests.main$/, answerWith(201));

  await expect(writeImage({ image, to, tag: 'main', emit, signal })).rejects.toMatchObject({
    code: 'registry_unreachable',
    message: `${to.name} took the image and does not have it: ${reference} is missing`,
  });
});
