import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';
import { hexOf, sha256 } from '../digest.ts';
import { artifactLabel } from '../image-config.ts';
import { openLayout } from '../layout.ts';
import { type Descriptor, mediaTypes } from '../oci.ts';
import type { ImageWriter } from '../store.ts';
import { attach } from './attach.ts';
import { makeKey, readTrusted, type SigningKey, signingKey, type TrustedKey } from './keys.ts';
import { makeProvenance, type Provenance } from './provenance.ts';
import { makeSbom, type Sbom } from './sbom.ts';

export const signal = AbortSignal.timeout(60_000);

/** A folder in which images, keys and what signs with them are made; removed at its end. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'causeway attest '));
  readonly env = { HOME: this.folder, XDG_CONFIG_HOME: join(this.folder, 'config') };
  readonly layout = join(this.folder, 'layout');
  readonly to: ImageWriter = openLayout(this.layout, { create: true });

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }

  async key(): Promise<{ readonly trusted: TrustedKey; readonly key: SigningKey }> {
    const { env, folder } = this;
    const { publicPath } = await makeKey({ env, folder });
    const [trusted] = await readTrusted([publicPath], folder);
    const key = trusted && (await signingKey({ env, trusted: [trusted] }));
    if (!trusted || !key) throw new Error('the key that was made is not there');
    return { trusted, key };
  }

  /** An image of two platforms whose application says `text`. */
  async image(text: string): Promise<FakeImage> {
    const layers = [await tarOf('etc/os-release', 'ID=debian\n'), await tarOf('app/main.js', text)];
    const manifests = [];
    for (const architecture of ['amd64', 'arm64']) {
      const written = [];
      for (const tar of layers) written.push(await this.#blob(gzipSync(tar), mediaTypes.gzipLayer));
      const config = await this.#blob(
        bytesOf({
          architecture,
          os: 'linux',
          config: { Labels: { [artifactLabel]: sha256(layers[1] ?? '') } },
          rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
        }),
        mediaTypes.config,
      );
      const mediaType = mediaTypes.manifest;
      const descriptor = await this.#manifest({ schemaVersion: 2, mediaType, config, layers: written });
      manifests.push({ ...descriptor, platform: { architecture, os: 'linux' } });
    }
    const mediaType = mediaTypes.index;
    const index = await this.#manifest({ schemaVersion: 2, mediaType, manifests });
    return { index, artifact: sha256(layers[1] ?? ''), sbom: sbomOf(index.digest, sha256(layers[1] ?? '')) };
  }

  attach(
    { index, sbom, artifact }: FakeImage,
    { key, provenance }: { readonly key?: SigningKey; readonly provenance?: Provenance } = {},
  ): ReturnType<typeof attach> {
    return attach({
      index,
      repository: 'registry.example.com/team/shop',
      sbom,
      provenance: provenance ?? provenanceOf({ artifact }),
      ...(key ? { key } : {}),
      to: this.to,
      emit: () => undefined,
      signal,
    });
  }

  /** Changes one byte of a blob of the layout. */
  damage(digest: string, at = 0.5): void {
    const path = join(this.layout, 'blobs', 'sha256', hexOf(digest));
    const bytes = readFileSync(path);
    const place = Math.floor(bytes.byteLength * at);
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    rmSync(path);
    writeFileSync(path, bytes);
  }

  async #blob(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
    await this.to.putBlob({ descriptor, open: async () => ({ bytes }) }, signal);
    return descriptor;
  }

  async #manifest(
    manifest: { readonly mediaType: string } & Readonly<Record<string, unknown>>,
  ): Promise<Descriptor> {
    const bytes = bytesOf(manifest);
    const { mediaType } = manifest;
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
    await this.to.putManifest({ descriptor, bytes }, undefined, signal);
    return descriptor;
  }
}

export interface FakeImage {
  readonly index: Descriptor;
  readonly artifact: string;
  readonly sbom: Sbom;
}

const base = { name: 'registry.example.com/base:12', digest: sha256('base') };

export function provenanceOf({
  artifact,
  commit = 'a'.repeat(40),
  startedAt = 0,
}: {
  readonly artifact: string;
  readonly commit?: string;
  readonly startedAt?: number;
}): Provenance {
  return makeProvenance({
    artifact,
    service: { entry: 'src/main.ts' },
    command: ['bun', 'main.js'],
    platforms: ['linux/amd64', 'linux/arm64'],
    base,
    runtime: [],
    revision: { commit, isChanged: false },
    versions: { causeway: '0.1.0', bun: '1.4.5' },
    id: `${startedAt}`,
    startedAt,
    finishedAt: startedAt + 100,
    test: { command: ['bun', 'test'], outcome: 'passed', passed: 14 },
  });
}

function sbomOf(digest: string, artifact: string): Sbom {
  return makeSbom({ name: 'shop', digest, artifact, packages: [], runtime: [], base, contents: [] });
}

function tarOf(name: string, text: string): Promise<Uint8Array> {
  return packTar([{ header: { name, size: Buffer.byteLength(text), mtime: new Date(0) }, body: text }]);
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
