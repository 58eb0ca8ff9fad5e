import type { Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { UserError } from '../core/errors.ts';
import type { LayerFile } from './layer.ts';

/**
 * The files that paths and globs name, from the config's folder. A folder stands for all that is in it.
 * `.git` is never taken, `node_modules` only where a path names it.
 */
export async function collectFiles(globs: readonly string[], folder: string): Promise<readonly LayerFile[]> {
  const found = new Set<string>();
  for (const glob of globs) {
    const paths = await pathsOf(glob, folder);
    if (paths.length === 0) throw nothingFits(glob);
    for (const path of paths) found.add(path);
  }
  const files: LayerFile[] = [];
  for (const path of [...found].sort()) files.push(await readLayerFile(path, folder, found));
  return files;
}

async function pathsOf(glob: string, folder: string): Promise<readonly string[]> {
  const named = glob.replace(/^\.\//, '').replace(/\/+$/, '') || '.';
  if (isAbsolute(named) || named.split('/').includes('..')) throw leavesFolder(glob, glob);
  const info = await lstat(join(folder, named)).catch(() => undefined);
  const above = named === '.' ? folder : dirname(join(folder, named));
  if (info && !isInside(await realpath(above), folder)) throw leavesFolder(glob, glob);
  if (info?.isDirectory()) return filesBelow(named, folder);
  if (info) return [named];
  const matches: string[] = [];
  for await (const match of new Bun.Glob(named).scan({ cwd: folder, dot: true, onlyFiles: false })) {
    const path = match.replaceAll(sep, '/');
    if (isLeftOut(path, named)) continue;
    const found = await lookAt(path, folder);
    // A glob walks through a link to a folder elsewhere.
    if (!isInside(await realpath(dirname(join(folder, path))), folder)) throw leavesFolder(glob, path);
    if (!found.isDirectory()) matches.push(path);
  }
  return matches;
}

async function filesBelow(path: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(folder, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .filter((found) => !isLeftOut(found, path));
}

function isLeftOut(path: string, named: string): boolean {
  const parts = path.split('/');
  if (parts.includes('.git')) return true;
  return parts.includes('node_modules') && !named.split('/').includes('node_modules');
}

/** A name that is not UTF-8 is read with a replacement character in it, and by that name there is no file. */
async function lookAt(path: string, folder: string): Promise<Stats> {
  try {
    return await lstat(join(folder, path));
  } catch (error) {
    if (!path.includes('\ufffd')) throw error;
    throw new UserError({
      code: 'build_failed',
      message: `the name of ${path} is not UTF-8, so it cannot be part of an artifact`,
      hint: 'rename it, or leave it out of service.files',
    });
  }
}

async function readLayerFile(path: string, folder: string, all: ReadonlySet<string>): Promise<LayerFile> {
  const place = join(folder, path);
  const info = await lookAt(path, folder);
  if (info.isSymbolicLink()) return readLink(path, folder, all);
  if (!info.isFile()) {
    throw new UserError({
      code: 'build_failed',
      message: `${path} is neither a file nor a link, so it cannot be part of an artifact`,
      hint: 'leave it out of service.files',
    });
  }
  return { path, content: await readFile(place), isExecutable: (info.mode & 0o100) !== 0 };
}

/** A link is kept as it is, if what it leads to is part of the artifact as well. */
async function readLink(path: string, folder: string, all: ReadonlySet<string>): Promise<LayerFile> {
  const linksTo = await readlink(join(folder, path));
  const target = await realpath(join(folder, path)).catch(() => undefined);
  if (isAbsolute(linksTo) || (target !== undefined && !isInside(target, folder)))
    throw leavesFolder(path, linksTo);
  const way = target === undefined ? undefined : relative(folder, target).replaceAll(sep, '/');
  const isPart = way !== undefined && (all.has(way) || [...all].some((other) => other.startsWith(`${way}/`)));
  if (isPart) return { path, content: { linksTo }, isExecutable: false };
  throw new UserError({
    code: 'build_failed',
    message: `the link ${path} leads to ${linksTo}, which is not part of service.files`,
    hint: 'add what it leads to, or leave the link out',
  });
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function leavesFolder(path: string, to: string): UserError {
  return new UserError({
    code: 'build_failed',
    message:
      path === to
        ? `${path} lies outside the folder of the config`
        : `the link ${path} leads out of the folder of the config, to ${to}`,
    hint: 'copy what the service needs into the folder; an artifact holds nothing from elsewhere',
  });
}

function nothingFits(glob: string): UserError {
  return new UserError({
    code: 'build_failed',
    message: `service.files: nothing fits ${glob}`,
    hint: 'a glob is matched from the folder of the config; was a build step forgotten?',
  });
}
