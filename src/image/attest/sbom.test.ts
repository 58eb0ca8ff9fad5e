import { expect, test } from 'bun:test';
import { z } from 'zod';
import { canonicalJson } from '../../core/release.ts';
import { makeSbom } from './sbom.ts';

const digest = `sha256:${'1'.repeat(64)}`;
const artifact = `sha256:${'2'.repeat(64)}`;
const integrity = `sha512-${Buffer.alloc(64, 7).toString('base64')}`;

type Parts = Parameters<typeof makeSbom>[0];

const parts: Parts = {
  name: 'shop',
  digest,
  artifact,
  packages: [
    { type: 'npm', name: 'zod', version: '4.6.7', license: 'MIT', integrity },
    { type: 'npm', name: '@acme/odd', version: '1.0.0-rc.1+b', license: 'SEE LICENSE IN terms' },
    { type: 'pypi', name: 'flask', version: '3.0', license: '(MIT OR Apache-2.0) AND BSD-3-Clause' },
  ],
  runtime: [
    { name: '@oven/bun-linux-x64', version: '1.4.5', integrity },
    { name: '@oven/bun-linux-aarch64', version: '1.4.5', integrity },
  ],
  base: { name: 'gcr.io/distroless/cc-debian12:nonroot', digest: `sha256:${'3'.repeat(64)}` },
  contents: ['amd64', 'arm64'].map((architecture) => ({
    distribution: { id: 'debian', version: '12' },
    packages: [
      { type: 'deb', name: 'libstdc++6', version: '2:12.2-14+deb12u1', architecture },
      { type: 'deb', name: 'tzdata', version: '2025b-0', architecture: 'all' },
    ],
  })),
};

// The parts of https://cyclonedx.org/schema/bom-1.6.schema.json that are written, and nothing besides. The real
// schema needs a validator of JSON Schema and its list of SPDX ids; what is written here fits it as well.
const license = z.union([
  z.strictObject({ license: z.strictObject({ name: z.string() }) }),
  z.strictObject({ expression: z.string() }),
]);
const component = z.strictObject({
  type: z.enum(['application', 'library', 'container']),
  'bom-ref': z.string().min(1),
  group: z.string().optional(),
  name: z.string(),
  version: z.string().max(1024),
  hashes: z
    .array(
      z.strictObject({
        alg: z.enum(['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']),
        content: z.string().regex(/^([a-f0-9]{40}|[a-f0-9]{64}|[a-f0-9]{96}|[a-f0-9]{128})$/),
      }),
    )
    .optional(),
  licenses: z.array(license).max(1).optional(),
  purl: z.string().startsWith('pkg:'),
  properties: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
});
const document = z.strictObject({
  $schema: z.literal('http://cyclonedx.org/schema/bom-1.6.schema.json'),
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.6'),
  serialNumber: z
    .string()
    .regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
  version: z.literal(1),
  metadata: z.strictObject({
    tools: z.strictObject({
      components: z.array(z.strictObject({ type: z.literal('application'), name: z.string() })),
    }),
    component,
  }),
  components: z.array(component),
  dependencies: z.array(z.strictObject({ ref: z.string(), dependsOn: z.array(z.string()).optional() })),
});

test('the document has the shape of CycloneDX 1.6 and nothing besides', () => {
  const { components, dependencies, metadata } = document.parse(makeSbom(parts));

  const refs = components.map((one) => one['bom-ref']);
  expect(new Set([...refs, metadata.component['bom-ref']]).size).toBe(refs.length + 1);
  expect(dependencies.map(({ ref }) => ref)).toEqual([metadata.component['bom-ref'], ...refs]);
  expect(dependencies[0]?.dependsOn).toEqual(refs);
});

test('it names the image, its artifact, and each part by its package URL, once', () => {
  const { metadata, components } = document.parse(makeSbom(parts));

  expect(metadata.component.purl).toBe(`pkg:oci/shop@${digest}`);
  expect(metadata.component.properties).toEqual([{ name: 'causeway:artifact', value: artifact }]);
  expect(components.map(({ purl }) => purl)).toEqual([
    'pkg:deb/debian/libstdc%2B%2B6@2:12.2-14%2Bdeb12u1?arch=amd64&distro=debian-12',
    'pkg:deb/debian/libstdc%2B%2B6@2:12.2-14%2Bdeb12u1?arch=arm64&distro=debian-12',
    'pkg:deb/debian/tzdata@2025b-0?arch=all&distro=debian-12',
    'pkg:npm/%40acme/odd@1.0.0-rc.1%2Bb',
    'pkg:npm/%40oven/bun-linux-aarch64@1.4.5',
    'pkg:npm/%40oven/bun-linux-x64@1.4.5',
    'pkg:npm/zod@4.6.7',
    `pkg:oci/cc-debian12@sha256:${'3'.repeat(64)}?repository_url=gcr.io%2Fdistroless%2Fcc-debian12&tag=nonroot`,
    'pkg:pypi/flask@3.0',
  ]);
});

test('a license that is no SPDX expression is kept as a name', () => {
  const { components } = document.parse(makeSbom(parts));

  expect(components.flatMap(({ licenses = [] }) => licenses)).toEqual([
    { license: { name: 'SEE LICENSE IN terms' } },
    { expression: 'MIT' },
    { expression: 'MIT' },
    { expression: 'MIT' },
    { expression: '(MIT OR Apache-2.0) AND BSD-3-Clause' },
  ]);
});

test('the same image gives the same bytes, and other content another serial number', () => {
  const turned = { ...parts, packages: parts.packages.toReversed(), contents: parts.contents.toReversed() };
  const other = { ...parts, packages: [] };

  expect(canonicalJson(makeSbom(turned))).toBe(canonicalJson(makeSbom(parts)));
  expect(makeSbom(other).serialNumber).not.toBe(makeSbom(parts).serialNumber);
});

test('a base from a folder has no repository', () => {
  const base = { name: 'oci:./images/base:12', digest };

  expect(makeSbom({ ...parts, base }).components.map(({ purl }) => purl)).toContain(
    `pkg:oci/base@${digest}?tag=12`,
  );
});
