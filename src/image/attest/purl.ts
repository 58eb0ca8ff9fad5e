import type { BaseContents, BasePackage } from './base-packages.ts';
import type { Package } from './package.ts';

// Package URLs: https://github.com/package-url/purl-spec

export function packageUrl({ type, name, version }: Pick<Package, 'type' | 'name' | 'version'>): string {
  return `pkg:${type}/${name.split('/').map(encode).join('/')}@${encode(version)}`;
}

export function basePackageUrl(
  { type, name, version, architecture }: BasePackage,
  distribution: BaseContents['distribution'],
): string {
  const { id, version: release } = distribution ?? { id: type === 'deb' ? 'debian' : 'alpine' };
  const distro = release === undefined ? '' : `&distro=${encode(`${id}-${release}`)}`;
  return `pkg:${type}/${encode(id)}/${encode(name)}@${encode(version)}?arch=${encode(architecture)}${distro}`;
}

/** `name` is a repository with or without its tag and digest, `oci:<folder>`, or any name of one word. */
export function imageUrl(name: string, digest: string): string {
  const { repository, tag } = split(name);
  const last = repository.slice(repository.lastIndexOf('/') + 1).toLowerCase();
  const more = [
    ...(repository.includes('/') && !name.startsWith('oci:') ? [`repository_url=${encode(repository)}`] : []),
    ...(tag === undefined ? [] : [`tag=${encode(tag)}`]),
  ];
  return `pkg:oci/${encode(last)}@${encode(digest)}${more.length === 0 ? '' : `?${more.join('&')}`}`;
}

function split(name: string): { readonly repository: string; readonly tag?: string } {
  const [plain = ''] = name.replace(/^oci:/, '').replace(/\/+$/, '').split('@');
  const colon = plain.indexOf(':', plain.lastIndexOf('/') + 1);
  return colon === -1
    ? { repository: plain }
    : { repository: plain.slice(0, colon), tag: plain.slice(colon + 1) };
}

/** A colon stays as it is. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}
