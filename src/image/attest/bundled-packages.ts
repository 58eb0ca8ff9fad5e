import { dirname, join, sep } from 'node:path';
import { type LockedIntegrity, openLockedIntegrity } from './locked-integrity.ts';
import { type Package, sortPackages } from './package.ts';
import { parsePackageJson } from './package-json.ts';

/** The npm packages that files of a bundle came from; `inputs` are the absolute paths of all that went into it. */
export async function bundledPackages(inputs: readonly string[]): Promise<readonly Package[]> {
  const folders = new Set(inputs.filter((path) => path.includes(inPackages)).map((path) => dirname(path)));
  if (folders.size === 0) return [];
  const found = openPackages();
  const packages = await Promise.all([...folders].map(found));
  return sortPackages(packages.filter((one) => one !== undefined));
}

const inPackages = `${sep}node_modules${sep}`;

/**
 * Finds the nearest `package.json` with a name and a version: those in between only say how the files below them
 * are to be read. Each folder is looked at once.
 */
function openPackages(): (folder: string) => Promise<Package | undefined> {
  const integrityOf = openLockedIntegrity();
  const known = new Map<string, Promise<Package | undefined>>();
  return packageAround;

  function packageAround(folder: string): Promise<Package | undefined> {
    if (!folder.includes(inPackages)) return Promise.resolve(undefined);
    const reading =
      known.get(folder) ??
      readPackage(folder, integrityOf).then((own) => own ?? packageAround(dirname(folder)));
    known.set(folder, reading);
    return reading;
  }
}

async function readPackage(folder: string, integrityOf: LockedIntegrity): Promise<Package | undefined> {
  const text = await Bun.file(join(folder, 'package.json'))
    .text()
    .catch(() => undefined);
  const own = text === undefined ? undefined : parsePackageJson(text);
  return own && { ...own, ...(await integrityOf(folder, own.version)) };
}
