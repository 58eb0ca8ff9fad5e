import type { BaseContents, BasePackage } from './base-packages.ts';

/** Where distributions keep their lists of packages, from an image's root. */
export function isDatabase(path: string): boolean {
  return path === dpkgStatus || isDistroless(path) || apkLists.includes(path) || releaseFiles.includes(path);
}

const dpkgStatus = 'var/lib/dpkg/status';
const dpkgFolder = 'var/lib/dpkg/status.d/';
const apkLists = ['lib/apk/db/installed', 'usr/lib/apk/db/installed'];
/** The one in `etc` counts where both are files; as a rule it is a link to the other. */
const releaseFiles = ['etc/os-release', 'usr/lib/os-release'];

/** A file for each package, as distroless images have them; the checksums beside them are left out. */
function isDistroless(path: string): boolean {
  return path.startsWith(dpkgFolder) && !path.endsWith('.md5sums');
}

/** What the files of an image for which `isDatabase` holds say, by their paths. */
export function readDatabases(files: ReadonlyMap<string, string>): BaseContents {
  const packages = [...files].flatMap(([path, text]) => {
    if (path === dpkgStatus || isDistroless(path)) return readDpkg(text);
    return apkLists.includes(path) ? readApk(text) : [];
  });
  const release = releaseFiles.map((path) => files.get(path)).find((text) => text !== undefined);
  const distribution = release === undefined ? undefined : readRelease(release);
  return { ...(distribution ? { distribution } : {}), packages: sortOnce(packages) };
}

/** https://manpages.debian.org/dpkg-query: paragraphs of fields; what was removed keeps its paragraph. */
function readDpkg(text: string): readonly BasePackage[] {
  return paragraphs(text).flatMap((paragraph): readonly BasePackage[] => {
    const field = (name: string) => paragraph.match(new RegExp(`^${name}: *(.+)$`, 'm'))?.[1]?.trim();
    const [name, version, status] = [field('Package'), field('Version'), field('Status')];
    if (!name || !version || (status !== undefined && !status.endsWith(' installed'))) return [];
    return [{ type: 'deb', name, version, architecture: field('Architecture') ?? 'all' }];
  });
}

/** https://wiki.alpinelinux.org/wiki/Apk_spec: a letter for each field. */
function readApk(text: string): readonly BasePackage[] {
  return paragraphs(text).flatMap((paragraph): readonly BasePackage[] => {
    const field = (letter: string) => paragraph.match(new RegExp(`^${letter}:(.+)$`, 'm'))?.[1]?.trim();
    const [name, version, license] = [field('P'), field('V'), field('L')];
    if (!name || !version) return [];
    const architecture = field('A') ?? 'noarch';
    return [{ type: 'apk', name, version, architecture, ...(license ? { license } : {}) }];
  });
}

function paragraphs(text: string): readonly string[] {
  return text.replaceAll('\r\n', '\n').split(/\n{2,}/);
}

/** https://www.freedesktop.org/software/systemd/man/os-release.html */
function readRelease(text: string): BaseContents['distribution'] {
  const field = (name: string) =>
    text.match(new RegExp(`^${name}=(["']?)(.*?)\\1\\s*$`, 'm'))?.[2] || undefined;
  const [id, version] = [field('ID'), field('VERSION_ID')];
  return id === undefined ? undefined : { id, ...(version === undefined ? {} : { version }) };
}

function sortOnce(packages: readonly BasePackage[]): readonly BasePackage[] {
  const byName = new Map(
    packages.map((one) => [`${one.type} ${one.name} ${one.version} ${one.architecture}`, one]),
  );
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
