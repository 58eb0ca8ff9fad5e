import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { corrupt } from './corrupt.ts';
import { hexOf, sha256 } from './digest.ts';
import type { Descriptor } from './oci.ts';
import { besides, holds, moveTo, type Reading, withWriteErrors, writeNew, writeWhole } from './write-file.ts';

/**
 * Content by its digest, and small notes. Several processes may use one cache at a time, and what none of them uses
 * for a month goes.
 */
export interface BlobCache {
  readonly folder: string;
  /** The path of the file that holds the content whole; none where it is missing or damaged. */
  find(content: Pick<Descriptor, 'digest' | 'size'>, signal: AbortSignal): Promise<string | undefined>;
  /** Small content by its digest, verified. */
  read(digest: string): Promise<Uint8Array | undefined>;
  /** Stores content. Where `expected` is given, other content throws `image_corrupt` and is not stored. */
  write(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    signal: AbortSignal,
    expected?: Pick<Descriptor, 'digest' | 'size'>,
  ): Promise<CachedBlob>;
  /** JSON that was noted under this name; none where there is none, or it is damaged. */
  readNote(name: string): Promise<unknown>;
  writeNote(name: string, json: unknown): Promise<void>;
}

export interface CachedBlob {
  readonly digest: string;
  readonly size: number;
  readonly path: string;
}

/** In `$XDG_CACHE_HOME/causeway` or `~/.cache/causeway`; made by the first write. */
export function openBlobCache(env: Readonly<Record<string, string | undefined>>): BlobCache {
  return new FolderCache(join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'causeway'));
}

class FolderCache implements BlobCache {
  readonly folder: string;
  #isSwept = false;

  constructor(folder: string) {
    this.folder = folder;
  }

  async find(content: Pick<Descriptor, 'digest' | 'size'>, signal: AbortSignal): Promise<string | undefined> {
    const path = this.#pathOf(content.digest);
    await touch(path);
    return (await holds(path, content, signal)) ? path : undefined;
  }

  async read(digest: string): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(digest);
    await touch(path);
    const bytes = await readFile(path).catch(() => undefined);
    return bytes !== undefined && sha256(bytes) === digest ? bytes : undefined;
  }

  async write(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    signal: AbortSignal,
    expected?: Pick<Descriptor, 'digest' | 'size'>,
  ): Promise<CachedBlob> {
    return this.#writing(async (reading) => {
      await mkdir(join(this.folder, 'blobs', 'sha256'), { recursive: true, mode: 0o700 });
      await this.#sweep();
      const temporary = besides(join(this.folder, 'blobs', 'blob'));
      const { digest, size } = await writeHashed(temporary, reading(source), signal, expected);
      const path = this.#pathOf(digest);
      await moveTo(path, temporary);
      return { digest, size, path };
    });
  }

  async readNote(name: string): Promise<unknown> {
    const path = this.#noteOf(name);
    await touch(path);
    const text = await readFile(path, 'utf8').catch(() => '');
    const [digest, json] = text.split('\n');
    return json !== undefined && sha256(json) === digest ? JSON.parse(json) : undefined;
  }

  async writeNote(name: string, json: unknown): Promise<void> {
    const text = JSON.stringify(json);
    const note = Buffer.from(`${sha256(text)}\n${text}\n`);
    await this.#writing(() => writeWhole(this.#noteOf(name), note));
  }

  #pathOf(digest: string): string {
    return join(this.folder, 'blobs', 'sha256', hexOf(digest));
  }

  #noteOf(name: string): string {
    const file = encodeURIComponent(name);
    return join(this.folder, 'notes', file.length > 200 ? hexOf(sha256(name)) : file);
  }

  #writing<T>(work: (reading: Reading) => Promise<T>): Promise<T> {
    return withWriteErrors(
      this.folder,
      'mend that, or use another folder: export XDG_CACHE_HOME=<folder>',
      work,
    );
  }

  /** What a killed process left half-written goes a day later, and what nobody used for a month. */
  async #sweep(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    for (const name of ['blobs', join('blobs', 'sha256'), 'notes']) await sweep(join(this.folder, name));
  }
}

const dayMs = 24 * 60 * 60 * 1000;
const monthMs = 30 * dayMs;

/** Notes its use, before it is looked at: whoever sweeps leaves it from now on. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  // It may not be there, or belong to somebody else who keeps it.
  await utimes(path, now, now).catch(() => undefined);
}

async function sweep(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    const longestMs = name.endsWith('.tmp') ? dayMs : monthMs;
    // What cannot be removed does not keep anybody from writing.
    if (found?.isFile() && found.mtimeMs < Date.now() - longestMs) await rm(path).catch(() => undefined);
  }
}

async function writeHashed(
  path: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  signal: AbortSignal,
  expected: Pick<Descriptor, 'digest' | 'size'> | undefined,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  let digest = '';
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source instanceof Uint8Array ? [source] : source) {
      hash.update(chunk);
      size += chunk.byteLength;
      yield chunk;
    }
    digest = `sha256:${hash.digest('hex')}`;
    if (expected && (expected.digest !== digest || expected.size !== size)) {
      throw corrupt('what came', `is ${digest} (${size} bytes), and should be ${expected.digest}`);
    }
  }
  await writeNew(path, hashed(), signal);
  return { digest, size };
}
