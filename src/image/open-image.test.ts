import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBase } from './fake-base.ts';
import { openImage } from './open-image.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'causeway open ')));
afterAll(() => rmSync(root, { recursive: true }));

const digest = await makeBase(join(root, 'images'), { platforms: ['linux/amd64'], tag: 'stable' });

function open(text: string) {
  return openImage({
    text,
    folder: root,
    credentials: async () => undefined,
    emit: () => undefined,
    signal: new AbortController().signal,
  });
}

test.each([
  'images',
  './images',
  'oci:images',
  'oci:./images:stable',
  './images:stable',
  join(root, 'images'),
  `oci:images@${digest}`,
  `images@${digest}`,
])('%s is the image of the layout, known by its digest', async (text) => {
  const { reference, isDigest, shown, reader } = await open(text);

  expect({ reference, isDigest }).toEqual({ reference: digest, isDigest: true });
  expect(shown).toEndWith(`images@${digest}`);
  expect(await reader.manifest(reference, new AbortController().signal)).toBeDefined();
});

test.each([
  ['registry.example.com/team/shop', 'latest', false, 'registry.example.com/team/shop:latest'],
  ['registry.example.com/team/shop:main', 'main', false, 'registry.example.com/team/shop:main'],
  [`localhost:5000/shop@${digest}`, digest, true, `localhost:5000/shop@${digest}`],
  [`localhost:5000/shop:main@${digest}`, digest, true, `localhost:5000/shop:main@${digest}`],
])('%s is an image of a registry', async (text, reference, isDigest, shown) => {
  expect(await open(text)).toMatchObject({ reference, isDigest, shown });
});

test('a registry is spoken to with what is given for it', async () => {
  const asked: string[] = [];
  const { reader } = await openImage({
    text: 'registry.example.com/team/shop',
    folder: root,
    credentials: async () => undefined,
    emit: () => undefined,
    fetch: async (url) => {
      asked.push(url);
      return new Response(null, { status: 404 });
    },
    signal: new AbortController().signal,
  });

  expect(await reader.manifest('latest', new AbortController().signal)).toBeUndefined();
  expect(asked).toEqual(['https://registry.example.com/v2/team/shop/manifests/latest']);
});

test('a folder or tag that is not there is told', async () => {
  await expect(open('./nowhere')).rejects.toThrow(/^there is no OCI layout in /);
  await expect(open('oci:images:edge')).rejects.toThrow('images has no image with the tag edge');
  await expect(open('Not An Image')).rejects.toMatchObject({ code: 'reference_wrong' });
});
