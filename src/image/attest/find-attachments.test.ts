import { afterAll, expect, test } from 'bun:test';
import { sha256 } from '../digest.ts';
import { type Descriptor, mediaTypes } from '../oci.ts';
import type { ImageReader } from '../store.ts';
import { findAttachments } from './find-attachments.ts';
import { statementMediaType } from './statement.ts';
import { signal, Workshop } from './workshop.ts';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());
const image = await workshop.image('hello');
await workshop.attach(image);
const { digest } = image.index;

/** The workshop's, with more attached by others; counts what is read, and how much of it at once. */
function besides(others: readonly Descriptor[]) {
  const { to } = workshop;
  const read = { manifests: 0, blobs: 0, atOnce: 0, most: 0 };
  const count = async <T>(what: 'manifests' | 'blobs', work: Promise<T>) => {
    read[what] += 1;
    read.atOnce += 1;
    read.most = Math.max(read.most, read.atOnce);
    return work.finally(() => {
      read.atOnce -= 1;
    });
  };
  const from: ImageReader = {
    name: 'registry.example.com/team/shop',
    manifest: (reference, inner) => count('manifests', to.manifest(reference, inner)),
    blob: (descriptor, inner) => count('blobs', to.blob(descriptor, inner)),
    referrers: async (of, inner) => [...(await to.referrers(of, inner)), ...others],
  };
  return { from, read };
}

function listed(count: number, artifactType: string, size = 1000): readonly Descriptor[] {
  return Array.from({ length: count }, (_, at) => ({
    mediaType: mediaTypes.manifest,
    digest: sha256(`attached ${at}`),
    size,
    artifactType,
  }));
}

test('what is said to be of another kind is not read', async () => {
  const { from, read } = besides(listed(5000, 'application/vnd.example.scan+json'));

  const { statements, damaged } = await findAttachments({ from, digest, signal });

  expect(statements.map(({ kind }) => kind)).toEqual(['sbom', 'provenance']);
  expect(damaged).toEqual([]);
  // Two referrers, and the two tags of cosign's.
  expect(read.manifests).toBe(4);
});

test('a few are read at a time, in the order in which they are listed', async () => {
  const { from, read } = besides(listed(200, statementMediaType));

  const { statements, damaged } = await findAttachments({ from, digest, signal });

  expect(statements).toHaveLength(2);
  expect(damaged.map(({ because }) => because)).toEqual(
    listed(200, statementMediaType).map((one) => `${one.digest} is listed, and missing`),
  );
  expect(read.most).toBeLessThanOrEqual(8);
});

test('more than anybody pushes is refused before it is read', async () => {
  const { from, read } = besides(listed(1000, statementMediaType));

  await expect(findAttachments({ from, digest, signal })).rejects.toMatchObject({
    code: 'image_unverified',
    message: expect.stringContaining(`1004 manifests are attached to ${digest} in ${from.name}`),
  });
  expect(read.manifests).toBe(0);
});

test('documents that are larger than is read are refused before they are', async () => {
  const layers = [0, 1].map((at) => ({
    mediaType: statementMediaType,
    digest: sha256(`large ${at}`),
    size: 40 * 1024 * 1024,
  }));
  const config = { mediaType: mediaTypes.empty, digest: sha256('{}'), size: 2 };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers, subject: image.index }));
  const large = { mediaType: mediaTypes.manifest, digest: sha256(bytes), size: bytes.byteLength };
  const { from, read } = besides([large]);
  const reader: ImageReader = {
    ...from,
    manifest: async (reference, inner) =>
      reference === large.digest ? { descriptor: large, bytes } : from.manifest(reference, inner),
  };

  await expect(findAttachments({ from: reader, digest, signal })).rejects.toMatchObject({
    code: 'image_unverified',
    message: expect.stringMatching(/^\d{8} bytes are attached to /),
  });
  expect(read.blobs).toBe(0);
});
