import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platforms } from '../../core/platform.ts';
import { hexOf, sha256 } from '../digest.ts';
import { makeBase } from '../fake-base.ts';
import { makeImage } from '../fake-image.ts';
import type { Image } from '../image.ts';
import { openLayout } from '../layout.ts';
import type { Descriptor } from '../oci.ts';
import type { ImageWriter } from '../store.ts';
import { writeImage } from '../write-image.ts';
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
  async image(text: string): Promise<AttestedImage> {
    const { image, sbom } = await this.build(text);
    await writeImage({ image, to: this.to, emit: () => undefined, signal });
    return { index: image.index.descriptor, artifact: image.artifact, sbom };
  }

  /** The same, and written nowhere yet. */
  async build(text: string): Promise<{ readonly image: Image; readonly sbom: Sbom }> {
    await makeBase(join(this.folder, 'base'), { platforms });
    const image = await makeImage({ folder: this.folder, text });
    return { image, sbom: sbomOf(image.digest, image.artifact) };
  }

  attach(
    { index, sbom, artifact }: AttestedImage,
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
      pause: async () => undefined,
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
}

export interface AttestedImage {
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
