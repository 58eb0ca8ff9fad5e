import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLayout } from '../../src/image/layout.ts';
import {
  type Descriptor,
  type Index,
  indexSchema,
  type Manifest,
  manifestSchema,
} from '../../src/image/oci.ts';
import { openRepository } from '../../src/image/registry/repository.ts';
import { copyImage } from '../../src/image/write-image.ts';
import type { Project } from '../local/project.ts';
import { mustEnd } from '../local/project.ts';
import { have } from './have.ts';
import { makeImageProject, makeTrusted, noisyService, ownPlatform } from './image-project.ts';
import { findRegistry, type Registry, startRegistry } from './registry.ts';

setDefaultTimeout(60_000);

const registryPrograms = await have('docker-registry', findRegistry);
if (registryPrograms) {
  describe('image verify, asked about an image of which', () => {
    let registry: Registry;
    let project: Project;
    /** The image as it was pushed and copied; another one of the same key lies beside it. */
    let digest: string;
    let folder: string;

    beforeAll(async () => {
      registry = await startRegistry(registryPrograms);
      project = await makeImageProject({
        service: { ...noisyService, files: ['service.ts'] },
        image: { runtime: 'none' },
      });
      await makeTrusted(project);
      digest = await pushAndCopy('pushed');
      project.use('good.ts', { mark: 'other' });
      await pushAndCopy('other');
    });

    beforeEach(() => {
      folder = join(project.folder, 'image');
      rmSync(folder, { recursive: true, force: true });
      cpSync(join(project.base, 'pushed'), folder, { recursive: true });
    });

    afterAll(async () => {
      await project?.[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
    });

    test('nothing was touched finds it good, though it was copied', async () => {
      expect(await verify()).toEqual([]);
    });

    test('one byte of a layer changed names the layers', async () => {
      const { layers } = platformManifest(folder, digest);
      flip(blobPath(folder, layers.at(-1)?.digest));

      expect(await verify()).toEqual(['layers']);
    });

    test('one byte of the base’s layer changed names the layers', async () => {
      const { layers } = platformManifest(folder, digest);
      flip(blobPath(folder, layers[0]?.digest));

      expect(await verify()).toEqual(['layers']);
    });

    test('one byte of the config changed names the image', async () => {
      flip(blobPath(folder, platformManifest(folder, digest).config.digest));

      expect(await verify()).toContain('image');
    });

    for (const [what, predicateType] of [
      ['sbom', 'https://cyclonedx.org/bom'],
      ['provenance', 'https://slsa.dev/provenance/v1'],
    ] as const) {
      test(`one byte of the ${what} changed names the ${what}`, async () => {
        const attached = attachedLayers(folder, predicateType).map(({ layer }) => layer.digest);
        for (const layer of new Set(attached)) flip(blobPath(folder, layer));

        expect(await verify()).toEqual([what]);
      });

      test(`the ${what} was changed, and every digest with it, names the ${what}`, async () => {
        rewriteAttached(folder, predicateType, (bytes) => {
          const envelope = JSON.parse(bytes.toString());
          const text = atob(envelope.payload).replace(/\b\d+\.\d+\.\d+\b/, '9.9.9');
          return Buffer.from(JSON.stringify({ ...envelope, payload: btoa(text) }));
        });

        expect(await verify()).toEqual([what]);
      });

      test(`the ${what} is another image’s, with a valid signature, names the ${what}`, async () => {
        const other = join(project.base, 'other');
        const [taken] = attachedLayers(other, predicateType);
        if (!taken) throw new Error(`the other image has no ${what}`);
        const content = readFileSync(blobPath(other, taken.layer.digest));
        rewriteAttached(folder, predicateType, () => content);

        expect(await verify()).toEqual([what]);
      });

      test(`the ${what} was taken away names the ${what}`, async () => {
        rewriteAttached(folder, predicateType, () => undefined);

        expect(await verify()).toEqual([what]);
      });
    }

    test('the signature was taken away names the signature', async () => {
      rewriteAttached(folder, undefined, () => undefined);

      expect(await verify()).toEqual(['signature']);
    });

    test('the signature is another image’s names the signature', async () => {
      const other = join(project.base, 'other');
      const [taken] = attachedLayers(other, undefined);
      if (!taken) throw new Error('the other image has no signature');
      const content = readFileSync(blobPath(other, taken.layer.digest));
      rewriteAttached(folder, undefined, () => content, taken.layer.annotations);

      expect(await verify()).toEqual(['signature']);
    });

    test('the key is not trusted names what it signed, and deploy refuses it where signatures are asked for', async () => {
      const { publicKey = '' } = (await project.causeway('keys', 'init', '--json')).json();
      const trust = [...(await trusted())];
      project.configure({ image: { trust: [publicKey] }, environment: { signed: true } });

      const failed = await verify();
      const deploy = await project.causeway('deploy', '--image', `./image@${digest}`, '--json');
      project.configure({ image: { trust: [...trust, publicKey] } });

      expect(failed).toEqual(['sbom', 'provenance', 'signature']);
      expect(deploy.exitCode).not.toBe(0);
      expect(['image_unverified', 'environment_missing']).toContain(deploy.json().error?.code ?? '');
      expect(await verify()).toEqual([]);
    });

    /** The claims that do not hold. */
    async function verify(): Promise<readonly string[]> {
      const ended = await project.causeway('image', 'verify', `./image@${digest}`, '--json');
      const { claims = [], error } = ended.json();
      const failed = claims.filter(({ isGood }) => !isGood).map(({ name }) => name);
      expect([ended.exitCode, error?.code], ended.stderr).toEqual(
        failed.length === 0 ? [0, undefined] : [1, 'image_unverified'],
      );
      for (const name of failed) expect(error?.message).toContain(name);
      return failed;
    }

    async function trusted(): Promise<readonly string[]> {
      const { keys } = (await project.causeway('keys', 'list', '--json')).json() as unknown as {
        keys: readonly { publicKey: string; isTrusted: boolean }[];
      };
      return keys.filter(({ isTrusted }) => isTrusted).map(({ publicKey }) => publicKey);
    }

    async function pushAndCopy(name: string): Promise<string> {
      const pushed = await mustEnd(project.causeway('image', 'push', `${registry.host}/shop`, '--json'));
      const { image = '' } = pushed.json();
      const { signal } = new AbortController();
      const emit = () => {};
      await copyImage({
        from: openRepository({
          reference: { host: registry.host, repository: 'shop' },
          credentials: async () => undefined,
          emit,
        }),
        digest: image,
        to: openLayout(join(project.base, name), { create: true }),
        hasReferrers: true,
        emit,
        signal,
      });
      return image;
    }
  });
}

function platformManifest(folder: string, digest: string): Manifest {
  const index = indexSchema.parse(readBlob(folder, digest));
  const [, architecture] = ownPlatform.split('/');
  const found = index.manifests.find(({ platform }) => platform?.architecture === architecture);
  return manifestSchema.parse(readBlob(folder, found?.digest));
}

interface AttachedLayer {
  readonly manifest: Descriptor;
  readonly layer: Descriptor;
}

/** Of statements with this predicate; without one, of signatures. Cosign’s way and ours, both. */
function attachedLayers(folder: string, predicateType: string | undefined): readonly AttachedLayer[] {
  return readIndex(folder).manifests.flatMap((descriptor) => {
    const parsed = manifestSchema.safeParse(readBlob(folder, descriptor.digest));
    if (!parsed.success) return [];
    return parsed.data.layers
      .filter((layer) => isOf(predicateType, layer, folder))
      .map((layer) => ({ manifest: descriptor, layer }));
  });
}

function isOf(predicateType: string | undefined, layer: Descriptor, folder: string): boolean {
  if (predicateType === undefined) return layer.mediaType.endsWith('simplesigning.v1+json');
  if (!layer.mediaType.includes('dsse')) return false;
  const { payload } = JSON.parse(readFileSync(blobPath(folder, layer.digest), 'utf8'));
  return JSON.parse(atob(payload)).predicateType === predicateType;
}

/** Puts other content in the place of attached layers, or none, and mends every digest on the way up. */
function rewriteAttached(
  folder: string,
  predicateType: string | undefined,
  change: (bytes: Buffer) => Buffer | undefined,
  annotations?: Descriptor['annotations'],
): void {
  const touched = new Set(attachedLayers(folder, predicateType).map(({ manifest }) => manifest.digest));
  if (touched.size === 0) throw new Error(`nothing of the type ${predicateType} is attached`);
  const manifests = readIndex(folder).manifests.flatMap((descriptor) => {
    if (!touched.has(descriptor.digest)) return [descriptor];
    const manifest = manifestSchema.parse(readBlob(folder, descriptor.digest));
    const layers = manifest.layers.flatMap((layer) => {
      if (!isOf(predicateType, layer, folder)) return [layer];
      const content = change(readFileSync(blobPath(folder, layer.digest)));
      if (content === undefined) return [];
      const replaced = { ...layer, ...writeBlob(folder, content) };
      return [annotations ? { ...replaced, annotations } : replaced];
    });
    if (layers.length === 0) return [];
    return [{ ...descriptor, ...writeBlob(folder, Buffer.from(JSON.stringify({ ...manifest, layers }))) }];
  });
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...readIndex(folder), manifests }));
}

function readIndex(folder: string): Index {
  return indexSchema.parse(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')));
}

function readBlob(folder: string, digest: string | undefined): unknown {
  return JSON.parse(readFileSync(blobPath(folder, digest), 'utf8'));
}

function writeBlob(folder: string, content: Buffer): Pick<Descriptor, 'digest' | 'size'> {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  writeFileSync(blobPath(folder, digest), content);
  return { digest, size: content.byteLength };
}

function blobPath(folder: string, digest: string | undefined): string {
  return join(folder, 'blobs', 'sha256', digest?.slice('sha256:'.length) ?? '');
}

/** In the middle; in a file of its own, since a layout may share its files with the cache. */
function flip(path: string): void {
  const bytes = readFileSync(path);
  const middle = bytes.byteLength >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
}
