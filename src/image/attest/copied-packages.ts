import { dirname, join } from 'node:path';
import type { LayerFile } from '../layer.ts';
import { type LockedIntegrity, openLockedIntegrity } from './locked-integrity.ts';
import { type Package, sortPackages } from './package.ts';
import { parsePackageJson } from './package-json.ts';

/** The npm and Python packages that lie among the files of a layer, which came from `folder`. */
export async function copiedPackages(
  files: readonly LayerFile[],
  folder: string,
): Promise<readonly Package[]> {
  const integrityOf = openLockedIntegrity();
  const packages = await Promise.all(files.map((file) => packageOf(file, folder, integrityOf)));
  return sortPackages(packages.filter((one) => one !== undefined));
}

const npmPackage = /(^|\/)node_modules\/(@[^/]+\/)?[^/@.][^/]*\/package\.json$/;
const pythonPackage = /(^|\/)[^/]+\.dist-info\/METADATA$/;

async function packageOf(
  { path, content }: LayerFile,
  folder: string,
  integrityOf: LockedIntegrity,
): Promise<Package | undefined> {
  if (!(content instanceof Uint8Array)) return undefined;
  if (npmPackage.test(path)) {
    const own = parsePackageJson(textOf(content));
    return own && { ...own, ...(await integrityOf(join(folder, dirname(path)), own.version)) };
  }
  return pythonPackage.test(path) ? parseMetadata(textOf(content)) : undefined;
}

function textOf(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}

/** Core metadata: https://packaging.python.org/specifications/core-metadata */
function parseMetadata(text: string): Package | undefined {
  const [head = ''] = text.split(/\r?\n\r?\n/, 1);
  const fields = new Map(
    [...head.matchAll(/^([A-Za-z-]+):[ \t]*(.*?)\r?$/gm)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      value,
    ]),
  );
  const name = fields.get('name');
  const version = fields.get('version');
  if (!name || !version) return undefined;
  const license = fields.get('license-expression') ?? fields.get('license');
  const isSaid = license !== undefined && license !== '' && license !== 'UNKNOWN';
  return { type: 'pypi', name: nameInIndex(name), version, ...(isSaid ? { license } : {}) };
}

/** PEP 503. */
function nameInIndex(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
