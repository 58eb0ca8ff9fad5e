import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../core/release.ts';
import { hexOf } from '../digest.ts';
import type { RuntimePackage } from '../runtime-package.ts';
import type { BaseContents } from './base-packages.ts';
import type { Package } from './package.ts';
import { basePackageUrl, imageUrl, packageUrl } from './purl.ts';

export type { RuntimePackage };

/** What an image lies on, as the config names it, and the digest that stands for it. */
export interface BaseName {
  readonly name: string;
  readonly digest: string;
}

const componentSchema = z.looseObject({
  type: z.string(),
  name: z.string(),
  version: z.string().optional(),
  purl: z.string().optional(),
  properties: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).optional(),
});
type Component = Readonly<z.infer<typeof componentSchema>>;

/** What is read of a CycloneDX document: https://cyclonedx.org/docs/1.6/json */
export const sbomSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string(),
  metadata: z.looseObject({ component: componentSchema }),
  components: z.array(componentSchema),
});
export type Sbom = Readonly<z.infer<typeof sbomSchema>>;

/** CycloneDX 1.6 of what is in an image. The same image gives the same bytes. */
export function makeSbom({
  name,
  digest,
  artifact,
  packages,
  runtime,
  base,
  contents,
}: {
  /** The project's. */
  readonly name: string;
  /** The index's. */
  readonly digest: string;
  readonly artifact: string;
  readonly packages: readonly Package[];
  /** One for each platform; none where the base brings it. */
  readonly runtime: readonly RuntimePackage[];
  readonly base: BaseName;
  /** What the base holds, one for each platform. */
  readonly contents: readonly BaseContents[];
}): Sbom {
  const components = sortOnce([
    ...packages.map(appComponent),
    ...runtime.map((bun) => appComponent({ type: 'npm', ...bun, license: 'MIT' })),
    imageComponent(base.name, base.digest),
    ...contents.flatMap(({ packages: inside, distribution }) =>
      inside.map((one) => baseComponent(one, distribution)),
    ),
  ]);
  const image = {
    ...imageComponent(name, digest),
    properties: [{ name: artifactProperty, value: artifact }],
  };
  const refs = components.map((component) => component['bom-ref']);
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX' as const,
    specVersion: '1.6',
    version: 1,
    metadata: { component: image, tools: { components: [{ type: 'application', name: 'causeway' }] } },
    components,
    dependencies: [{ ref: image['bom-ref'], dependsOn: refs }, ...refs.map((ref) => ({ ref }))],
  };
  return { ...document, serialNumber: serialNumberOf(document) };
}

const artifactProperty = 'causeway:artifact';

/** What the document says that it describes. */
export function subjectOf({ metadata: { component } }: Sbom): {
  /** The index's, or the image's name where another tool wrote it. */
  readonly digest: string | undefined;
  readonly artifact: string | undefined;
} {
  const { version, properties } = component;
  return {
    digest: version,
    artifact: properties?.find(({ name }) => name === artifactProperty)?.value,
  };
}

type OwnComponent = Component & { readonly 'bom-ref': string };

function appComponent({ type, name, version, license, integrity }: Package): OwnComponent {
  const purl = packageUrl({ type, name, version });
  return {
    type: 'library',
    'bom-ref': purl,
    ...splitScope(name),
    version,
    ...(integrity === undefined ? {} : hashesOf(integrity)),
    ...licensesOf(license),
    purl,
  };
}

/** CycloneDX keeps npm's scope apart. */
function splitScope(name: string): { readonly group?: string; readonly name: string } {
  const slash = name.startsWith('@') ? name.indexOf('/') : -1;
  return slash === -1 ? { name } : { group: name.slice(0, slash), name: name.slice(slash + 1) };
}

const algorithms: Readonly<Record<string, string>> = {
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};

/** An integrity may hold several, parted by spaces: https://www.w3.org/TR/SRI */
function hashesOf(integrity: string): { readonly hashes?: readonly unknown[] } {
  const hashes = [...integrity.matchAll(/(sha\d+)-([A-Za-z0-9+/]+=*)/g)].flatMap(
    ([, name = '', value = '']) => {
      const alg = algorithms[name];
      return alg === undefined ? [] : [{ alg, content: Buffer.from(value, 'base64').toString('hex') }];
    },
  );
  return hashes.length === 0 ? {} : { hashes };
}

const expression = /^\(*[A-Za-z0-9.+-]+\)*( (AND|OR|WITH) \(*[A-Za-z0-9.+-]+\)*)*$/;

/** What is no SPDX expression goes under a name of its own. */
function licensesOf(license: string | undefined): { readonly licenses?: readonly unknown[] } {
  if (license === undefined || license === '') return {};
  const isExpression = expression.test(license) && license !== 'UNLICENSED';
  return { licenses: [isExpression ? { expression: license } : { license: { name: license } }] };
}

function baseComponent(
  one: BaseContents['packages'][number],
  distribution: BaseContents['distribution'],
): OwnComponent {
  const purl = basePackageUrl(one, distribution);
  const { name, version, license } = one;
  return { type: 'library', 'bom-ref': purl, name, version, ...licensesOf(license), purl };
}

function imageComponent(name: string, digest: string): OwnComponent {
  const purl = imageUrl(name, digest);
  return {
    type: 'container',
    'bom-ref': purl,
    name,
    version: digest,
    hashes: [{ alg: 'SHA-256', content: hexOf(digest) }],
    purl,
  };
}

function sortOnce(components: readonly OwnComponent[]): readonly OwnComponent[] & Component[] {
  const byRef = new Map(components.map((component) => [component['bom-ref'], component]));
  return [...byRef].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component);
}

/** Of the content, so that another content never bears the same: a UUID of version 8 (RFC 9562). */
function serialNumberOf(document: unknown): string {
  const bytes = createHash('sha256').update(canonicalJson(document)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `urn:uuid:${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}`;
}
