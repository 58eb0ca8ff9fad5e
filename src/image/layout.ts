import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../core/errors.ts';
import { canonicalJson } from '../core/release.ts';
import { corrupt } from './corrupt.ts';
import { hexOf, sha256, verified } from './digest.ts';
import { addToIndex, tagAnnotation } from './layout-index.ts';
import { type Descriptor, type Index, indexSchema, mediaTypes } from './oci.ts';
import { parseJson } from './parse-json.ts';
import { attachedTo, mediaTypeOf } from './parse-manifest.ts';
import type { BlobContent, ImageWriter, StoredManifest } from './store.ts';
import {
  copyWhole,
  errorCode,
  holds,
  linkWhole,
  readFrom,
  readSmall,
  withWriteErrors,
  writeWhole,
} from './write-file.ts';

// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md

interface LayoutOptions {
  /** It is made by the first write; without it, reading what is not there throws. */
  readonly create?: boolean;
  /** Nobody edits what lies in it, so that a blob may be one file with that of the cache. */
  readonly isPrivate?: boolean;
}

/** An OCI layout folder. */
export function openLayout(
  folder: string,
  { create = false, isPrivate = false }: LayoutOptions = {},
): ImageWriter {
  return new Layout(folder, { create, isPrivate });
}

/** The digest of the one image in a layout; what is attached to it does not count. */
export async function layoutImage(folder: string, signal: AbortSignal): Promise<string> {
  const layout = new Layout(folder, { create: false, isPrivate: false });
  const digests = new Set<string>();
  for (const { descriptor, subject } of await layout.listed(signal)) {
    if (subject === undefined) digests.add(descriptor.digest);
  }
  const [digest] = digests;
  if (digest !== undefined && digests.size === 1) return digest;
  throw new UserError({
    code: 'image_not_found',
    message:
      digests.size === 0 ? `there is no image in ${folder}` : `there are ${digests.size} images in ${folder}`,
    hint:
      digests.size === 0
        ? 'write one there: causeway image build --output <folder>'
        : `name one by its digest: ${[...digests].map((one) => `${folder}@${one}`).join(', ')}`,
  });
}

const versionText = '{"imageLayoutVersion":"1.0.0"}';
const emptyIndex: Index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
const versionSchema = z.looseObject({ imageLayoutVersion: z.string().startsWith('1.') });

interface Listed {
  readonly descriptor: Descriptor;
  readonly subject?: string;
}

class Layout implements ImageWriter {
  readonly name: string;
  readonly #create: boolean;
  readonly #place: typeof copyWhole;
  /** One change of index.json at a time. */
  #changes: Promise<void> = Promise.resolve();

  constructor(folder: string, { create, isPrivate }: Required<LayoutOptions>) {
    this.name = folder;
    this.#create = create;
    this.#place = isPrivate ? linkWhole : copyWhole;
  }

  async manifest(reference: string, signal: AbortSignal): Promise<StoredManifest | undefined> {
    signal.throwIfAborted();
    const { manifests } = await this.#index();
    const isDigest = /^sha256:[0-9a-f]{64}$/.test(reference);
    const known = manifests.find(
      ({ digest, annotations }) => (isDigest ? digest : annotations?.[tagAnnotation]) === reference,
    );
    if (!isDigest && !known) return undefined;
    const digest = known?.digest ?? reference;
    const path = this.#pathOf(digest);
    const bytes = await readPart(path);
    if (bytes === undefined && known) throw corrupt(path, 'is missing, and index.json names it');
    if (bytes === undefined) return undefined;
    const found = sha256(bytes);
    if (found !== digest) throw corrupt(path, `is ${found}, and should be ${digest}`);
    const mediaType = known?.mediaType ?? mediaTypeOf(bytes, path);
    return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
  }

  async blob(descriptor: Descriptor, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    signal.throwIfAborted();
    await this.#check();
    const path = this.#pathOf(descriptor.digest);
    const found = await stat(path).catch(() => undefined);
    if (!found) {
      throw new UserError({
        code: 'image_not_found',
        message: `${path} is missing`,
        hint: `write the image to ${this.name} again`,
      });
    }
    if (!found.isFile()) throw corrupt(path, 'is no file');
    return verified(readLayout(path), descriptor, path);
  }

  async file(descriptor: Descriptor, signal: AbortSignal): Promise<string | undefined> {
    const path = this.#pathOf(descriptor.digest);
    return (await holds(path, descriptor, signal)) ? path : undefined;
  }

  async referrers(digest: string, signal: AbortSignal): Promise<readonly Descriptor[]> {
    const listed = await this.listed(signal);
    return listed.filter(({ subject }) => subject === digest).map(({ descriptor }) => descriptor);
  }

  /** What index.json names, and what each of it is attached to. */
  async listed(signal: AbortSignal): Promise<readonly Listed[]> {
    const { manifests } = await this.#index();
    const all = new Map<string, Listed>();
    for (const { digest } of manifests) {
      const stored = await this.manifest(digest, signal);
      if (!stored) throw corrupt(join(this.name, 'index.json'), `names ${digest}, which is missing`);
      all.set(digest, attachedTo(stored) ?? { descriptor: stored.descriptor });
    }
    return [...all.values()];
  }

  async putBlob({ descriptor, open }: BlobContent, signal: AbortSignal): Promise<'present' | 'written'> {
    await this.#prepare();
    const path = this.#pathOf(descriptor.digest);
    if (await holds(path, descriptor, signal)) return 'present';
    const content = await open(signal);
    await this.#writing(() =>
      'path' in content ? this.#place(path, content.path) : writeWhole(path, content.bytes, signal),
    );
    return 'written';
  }

  async putManifest(stored: StoredManifest, tag: string | undefined, signal: AbortSignal): Promise<void> {
    const { descriptor, bytes } = stored;
    await this.#prepare();
    await this.#writing(() => writeWhole(this.#pathOf(descriptor.digest), bytes, signal));
    // One that is for a platform is part of an index, and found through it.
    if (descriptor.platform !== undefined && tag === undefined) return;
    const change = this.#changes.then(() => this.#list(stored, tag, signal));
    this.#changes = change.catch(() => undefined);
    await change;
  }

  async #list(stored: StoredManifest, tag: string | undefined, signal: AbortSignal): Promise<void> {
    const index = await this.#index();
    const listed = await this.listed(signal);
    const subjects = new Map(listed.map(({ descriptor, subject }) => [descriptor.digest, subject]));
    const subject = attachedTo(stored)?.subject;
    await this.#writeIndex(addToIndex(index, { descriptor: stored.descriptor, tag, subject, subjects }));
  }

  async #index(): Promise<Index> {
    await this.#check();
    const path = join(this.name, 'index.json');
    const bytes = await readPart(path);
    // A new one gets it with its first manifest: what breaks off before leaves nothing that looks like a layout.
    if (bytes === undefined && this.#isPrepared && this.#create) return emptyIndex;
    if (bytes === undefined) throw corrupt(path, `is missing, so ${this.name} is no OCI layout`);
    const result = indexSchema.safeParse(parseJson(bytes));
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw corrupt(
      path,
      `has not the shape of an index: ${issue?.path.join('.')} ${issue?.message}`.trimEnd(),
    );
  }

  async #writeIndex(index: Index): Promise<void> {
    await this.#writing(() => writeWhole(join(this.name, 'index.json'), Buffer.from(canonicalJson(index))));
  }

  async #check(): Promise<void> {
    const folder = await stat(this.name).catch(() => undefined);
    if (!folder?.isDirectory()) {
      throw new UserError({
        code: 'image_not_found',
        message: `there is no OCI layout in ${this.name}: it is ${folder ? 'no folder' : 'not there'}`,
        hint: 'name a folder that causeway image build --output wrote, or another OCI layout',
      });
    }
    const path = join(this.name, 'oci-layout');
    const bytes = await readPart(path);
    if (bytes === undefined) throw corrupt(path, `is missing, so ${this.name} is no OCI layout`);
    if (!versionSchema.safeParse(parseJson(bytes)).success) {
      throw corrupt(path, 'does not name a version 1 of OCI layouts');
    }
  }

  #isPrepared = false;

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    if (this.#create) await this.#writing(() => this.#make());
    await this.#check();
    this.#isPrepared = true;
  }

  async #make(): Promise<void> {
    const there = await readdir(this.name).catch((error: unknown): string[] => {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    });
    if (!there.includes('oci-layout')) {
      if (!there.every((name) => ownNames.test(name))) {
        throw new UserError({
          code: 'image_not_writable',
          message: `${this.name} holds other things, and is no OCI layout`,
          hint: 'name an empty folder, or one that is not there yet',
        });
      }
      await writeWhole(join(this.name, 'oci-layout'), Buffer.from(versionText));
    }
  }

  #pathOf(digest: string): string {
    return join(this.name, 'blobs', 'sha256', hexOf(digest));
  }

  #writing<T>(work: () => Promise<T>): Promise<T> {
    return withWriteErrors(this.name, 'mend that, or name another folder', work);
  }
}

/** What a write that was broken off may leave of a new layout. */
const ownNames = /^(oci-layout|index\.json|blobs)(\..*\.tmp)?$/;

async function readPart(path: string): Promise<Uint8Array | undefined> {
  return readSmall(path).catch((error: unknown) => {
    throw error instanceof UserError ? error : unreadable(path, error);
  });
}

async function* readLayout(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* readFrom(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  return corrupt(path, `cannot be read (${errorCode(error) ?? error})`, error);
}
