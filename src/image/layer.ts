import { packTar, type TarEntry } from 'modern-tar';

export interface LayerFile {
  /** Relative, with `/` between its parts. */
  readonly path: string;
  readonly content: Uint8Array | { readonly linksTo: string };
  readonly isExecutable: boolean;
}

/** Where the files lie in the layer, and in an image's root. */
export const layerFolder = 'app';

/** An uncompressed tar whose bytes depend on nothing but paths, contents and the executable bits. */
export function packLayer(files: readonly LayerFile[]): Promise<Uint8Array> {
  const sorted = [...files].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return packTar(sorted.map(toEntry));
}

const common = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' } as const;

function toEntry({ path, content, isExecutable }: LayerFile): TarEntry {
  const name = `${layerFolder}/${path}`;
  if ('linksTo' in content) {
    return { header: { ...common, name, size: 0, type: 'symlink', linkname: content.linksTo, mode: 0o755 } };
  }
  const mode = isExecutable ? 0o755 : 0o644;
  return { header: { ...common, name, size: content.byteLength, type: 'file', mode }, body: content };
}
