import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { unpackTar } from 'modern-tar';
import { layerFolder } from './layer.ts';

/**
 * Unpacks a layer that `buildArtifact` made: what lies under `app/` in the tar lies in `folder` afterwards,
 * which is made if it is missing. A path or link that leaves the folder is refused before anything is written.
 */
export async function unpackArtifact(tar: Uint8Array, folder: string): Promise<void> {
  const entries = (await unpackTar(tar, { strict: true })).map(({ header, data }) => ({
    header,
    data,
    path: placeOf(header.name, folder),
  }));
  const links = new Set(entries.filter(({ header }) => header.type === 'symlink').map(({ path }) => path));
  for (const { header, path } of entries) refuseEscape(header, path, folder, links);

  await mkdir(folder, { recursive: true });
  for (const { header, data, path } of entries) {
    await mkdir(dirname(path), { recursive: true });
    if (header.type === 'symlink') await symlink(header.linkname ?? '', path);
    else {
      await writeFile(path, data ?? new Uint8Array(), { flag: 'wx' });
      if (((header.mode ?? 0) & 0o100) !== 0) await chmod(path, 0o755);
    }
  }
}

function placeOf(name: string, folder: string): string {
  const path = name.startsWith(`${layerFolder}/`) ? name.slice(layerFolder.length + 1) : undefined;
  if (!path || isAbsolute(path))
    throw new Error(`the artifact holds ${name}, which is not under ${layerFolder}/`);
  return join(folder, path);
}

type Header = Awaited<ReturnType<typeof unpackTar>>[number]['header'];

/** A file below a link would be written where the link leads, so there is none. */
function refuseEscape(
  { name, type, linkname }: Header,
  path: string,
  folder: string,
  links: ReadonlySet<string>,
): void {
  if (type !== 'file' && type !== 'symlink') throw new Error(`the artifact holds ${name}, a ${type}`);
  if (!isBelow(path, folder)) throw new Error(`the artifact holds ${name}, which leaves its folder`);
  for (let above = dirname(path); isBelow(above, folder); above = dirname(above)) {
    if (links.has(above)) throw new Error(`the artifact holds ${name}, which lies behind a link`);
  }
  if (type === 'symlink' && !isBelow(resolve(dirname(path), linkname ?? ''), folder)) {
    throw new Error(`the artifact holds the link ${name}, which leaves its folder`);
  }
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}
