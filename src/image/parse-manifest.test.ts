import { expect, test } from 'bun:test';
import { sha256 } from './digest.ts';
import { mediaTypes } from './oci.ts';
import { parseManifest } from './parse-manifest.ts';

const config = { mediaType: mediaTypes.config, digest: sha256('config'), size: 6 };
const manifest = { schemaVersion: 2, config, layers: [] };
const index = { schemaVersion: 2, manifests: [] };

function parse(json: object, mediaType: string) {
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return parseManifest({ descriptor: { mediaType, digest: sha256(bytes), size: bytes.byteLength }, bytes });
}

test.each([
  ['an OCI manifest', { ...manifest, mediaType: mediaTypes.manifest }, mediaTypes.manifest, 'manifest'],
  ['a Docker manifest', { ...manifest, mediaType: mediaTypes.dockerManifest }, '', 'manifest'],
  ['a manifest without a type', manifest, mediaTypes.manifest, 'manifest'],
  ['an OCI index', { ...index, mediaType: mediaTypes.index }, mediaTypes.index, 'index'],
  ['a Docker list', { ...index, mediaType: mediaTypes.dockerIndex }, '', 'index'],
  ['an index without a type', index, '', 'index'],
])('%s is what it has the shape of', (_, json, told, kind) => {
  expect(parse(json, told).kind).toBe(kind as 'index');
});

// https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m
test.each([
  ['has the parts of both', { ...manifest, ...index }, '', /is both an index and a manifest/],
  ['has the layers of a manifest', { ...index, layers: [] }, '', /is both an index and a manifest/],
  ['calls itself a manifest', { ...index, mediaType: mediaTypes.manifest }, '', /shape of an OCI index$/],
  ['calls itself an index', { ...manifest, mediaType: mediaTypes.index }, '', /shape of an OCI manifest$/],
  ['calls itself something else', { ...manifest, mediaType: 'text/plain' }, '', /that it is a text\/plain/],
  ['is told to be a manifest', index, mediaTypes.dockerManifest, /is said to be a .*OCI index$/],
  ['is told to be an index', manifest, mediaTypes.index, /is said to be a .*OCI manifest$/],
  ['is neither', { schemaVersion: 2 }, '', /is neither an index nor a manifest/],
])('what %s is refused, because two readers could see two images', (_, json, told, message) => {
  expect(() => parse(json, told)).toThrow(expect.objectContaining({ code: 'image_corrupt' }));
  expect(() => parse(json, told)).toThrow(message);
});
