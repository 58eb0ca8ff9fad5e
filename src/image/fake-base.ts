import { packTar, type TarEntry } from 'modern-tar';
import { canonicalJson } from '../core/release.ts';
import { sha256 } from './digest.ts';
import { openLayout } from './layout.ts';
import { type Descriptor, mediaTypes } from './oci.ts';

export interface FakeBase {
  /** `linux/amd64`, `linux/arm64/v8` */
  readonly platforms: readonly string[];
  readonly tag?: string;
  /** Manifests as registries held them before OCI. */
  readonly isDocker?: boolean;
  /** One manifest without an index. */
  readonly isSingle?: boolean;
  readonly config?: Readonly<Record<string, unknown>>;
  /** What one base differs by from another. */
  readonly text?: string;
  /** What is in its layer, by path. */
  readonly files?: (architecture: string) => Readonly<Record<string, string>>;
  /** What is said to be its layer's gzip. */
  readonly layer?: Uint8Array;
}

const signal = new AbortController().signal;

/** A small base as an OCI layout in `folder`; the digest that it is known by. */
export async function makeBase(
  folder: string,
  {
    platforms,
    tag,
    isDocker = false,
    isSingle = false,
    config = {},
    text = 'base',
    files = () => ({ 'etc/base': text }),
    layer: bytesOfLayer,
  }: FakeBase,
): Promise<string> {
  const to = openLayout(folder, { create: true });
  const store = async (mediaType: string, bytes: Uint8Array) => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
    await to.putBlob({ descriptor, open: async () => ({ bytes }) }, signal);
    return descriptor;
  };

  const manifests: Descriptor[] = [];
  let last = new Uint8Array();
  for (const name of platforms) {
    const [os = '', architecture = '', variant] = name.split('/');
    const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    const tar = await packTar(Object.entries(files(architecture)).map(toEntry));
    const layer = await store(
      isDocker ? mediaTypes.dockerLayer : mediaTypes.gzipLayer,
      bytesOfLayer ?? Bun.gzipSync(tar),
    );
    const rootfs = { type: 'layers', diff_ids: [sha256(tar)] };
    const configDescriptor = await store(
      isDocker ? mediaTypes.dockerConfig : mediaTypes.config,
      toBytes({ ...platform, config, rootfs, history: [{ created_by: 'the test' }] }),
    );
    const mediaType = isDocker ? mediaTypes.dockerManifest : mediaTypes.manifest;
    last = toBytes({ schemaVersion: 2, mediaType, config: configDescriptor, layers: [layer] });
    const descriptor = { mediaType, digest: sha256(last), size: last.byteLength, platform };
    await to.putManifest({ descriptor, bytes: last }, undefined, signal);
    manifests.push(descriptor);
  }

  const mediaType = isDocker ? mediaTypes.dockerIndex : mediaTypes.index;
  const index = toBytes({ schemaVersion: 2, mediaType, manifests });
  const bytes = isSingle ? last : index;
  const root = {
    mediaType: isSingle ? (manifests.at(-1)?.mediaType ?? '') : mediaType,
    digest: sha256(bytes),
    size: bytes.byteLength,
  };
  await to.putManifest({ descriptor: root, bytes }, tag, signal);
  return root.digest;
}

function toEntry([name, body]: [string, string]): TarEntry {
  return { header: { name, size: Buffer.byteLength(body), type: 'file', mtime: new Date(0) }, body };
}

function toBytes(json: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalJson(json));
}
