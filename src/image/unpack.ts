import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { unpackTar } from 'modern-tar';
import type { UserError } from '../core/errors.ts';
import { wordsOf } from '../core/words-of.ts';
import { corrupt } from './corrupt.ts';
import { layerFolder } from './layer.ts';

/**
 * Unpacks a layer that `buildArtifact` made: what lies under `app/` in the tar lies in `folder` afterwards,
 * which is made if it is missing. What no `buildArtifact` makes, such as a path or link that leaves the folder,
 * throws `image_corrupt` before anything is written.
 */
export async function unpackArtifact(tar: Uint8Array, folder: string): Promise<void> {
  const entries = await readEntries(tar, resolve(folder));
  await mkdir(folder, { recursive: true });
  for (const { header, data, path } of entries.values()) {
    await mkdir(dirname(path), { recursive: true });
    if (header.type === 'symlink') await symlink(header.linkname ?? '', path);
    else {
      await writeFile(path, data ?? new Uint8Array(), { flag: 'wx' });
      if (((header.mode ?? 0) & 0o100) !== 0) await chmod(path, 0o755);
    }
  }
}

/** Whether a folder holds what `unpackArtifact` would write there. */
export async function holdsArtifact(tar: Uint8Array, folder: string): Promise<boolean> {
  const entries = await readEntries(tar, resolve(folder));
  for (const { header, data, path } of entries.values())
    if (!isSame(path, header, data ?? new Uint8Array())) return false;
  return true;
}

function isSame(path: string, { type, linkname, mode = 0 }: TarFile['header'], data: Uint8Array): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (type === 'symlink') return found?.isSymbolicLink() === true && readlinkSync(path) === linkname;
  const isSameKind = found?.isFile() === true && found.size === data.length;
  return isSameKind && (found.mode & 0o100) === (mode & 0o100) && readFileSync(path).equals(data);
}

type TarFile = Awaited<ReturnType<typeof unpackTar>>[number];
type Entry = TarFile & { readonly path: string };
/** By the path that it is written to. */
type Entries = ReadonlyMap<string, Entry>;

async function readEntries(tar: Uint8Array, folder: string): Promise<Entries> {
  const files = await unpackTar(tar, { strict: true }).catch((error: unknown) => {
    throw corrupt('the artifact', `is no tar: ${wordsOf(error)}`, error);
  });
  const entries = new Map<string, Entry>();
  for (const file of files) {
    const path = placeOf(file.header, folder);
    if (entries.has(path)) throw wrong(`holds ${file.header.name} twice`);
    entries.set(path, { ...file, path });
  }
  for (const entry of entries.values()) refuseEscape(entry, entries, folder);
  return entries;
}

function placeOf({ name, type }: TarFile['header'], folder: string): string {
  if (type !== 'file' && type !== 'symlink') throw wrong(`holds ${name}, a ${type}`);
  const path = name.startsWith(`${layerFolder}/`) ? name.slice(layerFolder.length + 1) : '';
  if (path === '' || path.includes('\0') || isAbsolute(path))
    throw wrong(`holds ${name}, which is not under ${layerFolder}/`);
  const place = resolve(folder, path);
  if (!isBelow(place, folder)) throw wrong(`holds ${name}, which leaves its folder`);
  return place;
}

/** A file below a link would be written where the link leads, so there is none. */
function refuseEscape(
  { header: { name, type, linkname }, path }: Entry,
  entries: Entries,
  folder: string,
): void {
  for (let above = dirname(path); isBelow(above, folder); above = dirname(above)) {
    const found = entries.get(above)?.header;
    if (found?.type === 'symlink') throw wrong(`holds ${name}, which lies behind a link`);
    if (found) throw wrong(`holds ${name}, which lies below the file ${found.name}`);
  }
  if (type !== 'symlink') return;
  if (!staysInside(path, linkname ?? '', entries, folder))
    throw wrong(`holds the link ${name}, which leaves its folder`);
}

/** As many as Linux follows. */
const mostLinks = 40;

/**
 * Whether a link leads to a place in the folder, by way of the links that its target passes, as the system walks
 * it; one that leaves the folder on the way, or goes in circles, does not.
 */
function staysInside(link: string, target: string, entries: Entries, folder: string): boolean {
  if (isAbsolute(target) || target.includes('\0')) return false;
  const parts = target.split('/');
  let at = dirname(link);
  let links = 0;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const next = join(at, part);
    if (next !== folder && !isBelow(next, folder)) return false;
    const found = entries.get(next)?.header;
    if (found?.type !== 'symlink') {
      at = next;
      continue;
    }
    links += 1;
    if (links > mostLinks || isAbsolute(found.linkname ?? '')) return false;
    parts.unshift(...(found.linkname ?? '').split('/'));
  }
  return isBelow(at, folder);
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

function wrong(trouble: string): UserError {
  return corrupt('the artifact', trouble);
}
