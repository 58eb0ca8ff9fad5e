import { existsSync, readdirSync, rmSync } from 'node:fs';
import { UserError } from '../../core/errors.ts';
import { orAbort } from '../../core/or-abort.ts';
import { type Platform, platforms } from '../../core/platform.ts';
import { shortId } from '../../core/release.ts';
import type { Engine } from '../engine/engine.ts';
import type { Paths } from '../paths.ts';
import { imageFolder } from '../store.ts';
import { stateName } from './container-names.ts';

export interface ArchiveOptions {
  /** Of the OCI layout that holds the image. */
  readonly folder: string;
  readonly digest: string;
  readonly platform: Platform;
  /** The name that the engine knows it by. */
  readonly tag: string;
  readonly signal: AbortSignal;
}

/** Makes of a stored image what the engine reads in. */
export type PackArchive = (options: ArchiveOptions) => ReadableStream<Uint8Array>;

/** The name under which an environment keeps its images in the engine: no two environments share one. */
export function imageRepository({ root }: Pick<Paths, 'root'>): string {
  return `causeway/${stateName(root)}`;
}

export function imageName(paths: Pick<Paths, 'root'>, digest: string): string {
  return `${imageRepository(paths)}:${digest.replace('sha256:', '')}`;
}

/** The environment's images: on the disk, and as far as they are needed in the engine. */
export class Images {
  readonly #paths: Paths;
  readonly #pack: PackArchive;
  readonly #loading = new Map<string, Promise<void>>();
  readonly #closed = new AbortController();

  constructor(paths: Paths, pack: PackArchive) {
    this.#paths = paths;
    this.#pack = pack;
  }

  isStored(digest: string): boolean {
    return existsSync(imageFolder(this.#paths, digest));
  }

  /** Returns when the engine has the image; whoever needs it meanwhile waits for the same, each as long as it wants. */
  async ensure(engine: Engine, digest: string, signal: AbortSignal): Promise<void> {
    const key = `${engine.socket} ${digest}`;
    const loading =
      this.#loading.get(key) ?? this.#ensure(engine, digest).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    await orAbort(loading, signal);
  }

  /** Reads none in any more; whoever waits for one is given the reason. */
  close(reason: UserError): void {
    this.#closed.abort(reason);
  }

  /** Takes those out of the engine that are not on the disk any more. */
  async clear(engine: Engine): Promise<void> {
    const { images } = this.#paths;
    const kept = existsSync(images) ? readdirSync(images) : [];
    for (const name of await engine.imagesOf(imageRepository(this.#paths))) {
      if (!kept.includes(name.slice(name.lastIndexOf(':') + 1))) await engine.removeImage(name);
    }
  }

  async #ensure(engine: Engine, digest: string): Promise<void> {
    const { signal } = this.#closed;
    signal.throwIfAborted();
    const tag = imageName(this.#paths, digest);
    if (await engine.hasImage(tag)) return;
    const folder = imageFolder(this.#paths, digest);
    if (!this.isStored(digest)) throw goneError(digest, 'its stored copy is gone');
    const { Os, Arch } = await engine.about(signal);
    const platform = platforms.find((known) => known === `${Os}/${Arch}`) ?? platforms[0];
    try {
      await engine.load(this.#pack({ folder, digest, platform, tag, signal }), signal);
    } catch (error) {
      // The command that asked for it stores it again.
      if (isDamage(error)) rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    if (!(await engine.hasImage(tag))) throw goneError(digest, 'the engine read it in, and does not have it');
  }
}

/** Whether what is kept of an image is not, or not all, what it should be. */
function isDamage(error: unknown): boolean {
  return error instanceof UserError && (error.code === 'image_corrupt' || error.code === 'image_not_found');
}

function goneError(digest: string, because: string): UserError {
  return new UserError({
    code: 'image_not_found',
    message: `the image ${shortId(digest)} cannot be run: ${because}`,
    hint: 'causeway deploy stores it again',
  });
}
