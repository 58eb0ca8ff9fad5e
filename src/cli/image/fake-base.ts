import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'bun';
import { packTar } from 'modern-tar';
import { platforms } from '../../core/config.ts';
import { openLayout } from '../../image/layout.ts';
import { type Descriptor, mediaTypes } from '../../image/oci.ts';
import type { ImageWriter } from '../../image/store.ts';

const signal = new AbortController().signal;

/** Writes a base of one small layer as an OCI layout, for both platforms; it lists one package, as distroless does. */
export async function writeBase(folder: string, name = 'base'): Promise<void> {
  const to = openLayout(join(folder, name), { create: true });
  const manifests = await Promise.all(platforms.map((platform) => writePlatform(to, platform)));
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
  const { descriptor, bytes } = describe(mediaTypes.index, JSON.stringify(index));
  await to.putManifest({ descriptor, bytes }, undefined, signal);
}

async function writePlatform(to: ImageWriter, platform: string): Promise<Descriptor> {
  const [os = '', architecture = ''] = platform.split('/');
  const tar = await packTar([
    file('etc/os-release', 'ID=debian\nVERSION_ID="12"\n'),
    file(
      'var/lib/dpkg/status.d/libc6',
      `Package: libc6\nVersion: 2.36-9\nArchitecture: ${architecture}\nMaintainer: nobody\n`,
    ),
  ]);
  const layer = describe(mediaTypes.gzipLayer, gzipSync(new Uint8Array(tar)));
  const config = describe(
    mediaTypes.config,
    JSON.stringify({
      architecture,
      os,
      config: { Env: ['PATH=/usr/bin'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  );
  for (const { descriptor, bytes } of [layer, config])
    await to.putBlob({ descriptor, open: async () => ({ bytes }) }, signal);
  const text = { schemaVersion: 2, mediaType: mediaTypes.manifest };
  const manifest = describe(
    mediaTypes.manifest,
    JSON.stringify({ ...text, config: config.descriptor, layers: [layer.descriptor] }),
  );
  const descriptor = { ...manifest.descriptor, platform: { architecture, os } };
  await to.putManifest({ descriptor, bytes: manifest.bytes }, undefined, signal);
  return descriptor;
}

function file(name: string, body: string) {
  return { header: { name, size: body.length, mtime: new Date(0) }, body };
}

function describe(mediaType: string, content: string | Uint8Array) {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A service of files, which needs no runtime of ours: its image is made in milliseconds. */
export const filesService = { entry: undefined, files: ['main.ts'], command: ['bun', 'main.ts'] };
