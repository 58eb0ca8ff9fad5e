import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { corrupt, hexOf, sha256 } from './digest.ts';
import type { Descriptor } from './oci.ts';
import { besides, holds, withWriteErrors, writeNew, writeWhole } from './write-file.ts';

/** Content by its digest, and small notes. Several processes may use one cache at a time. */
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
    return (await holds(path, content, signal)) ? path : undefined;
  }

  async read(digest: string): Promise<Uint8Array | undefined> {
    const bytes = await readFile(this.#pathOf(digest)).catch(() => undefined);
    return bytes !== undefined && sha256(bytes) === digest ? bytes : undefined;
  }

  async write(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    signal: AbortSignal,
    expected?: Pick<Descriptor, 'digest' | 'size'>,
  ): Promise<CachedBlob> {
    return this.#writing(async () => {
      const temporary = besides(join(this.folder, 'blobs', 'blob'));
      await mkdir(join(this.folder, 'blobs', 'sha256'), { recursive: true, mode: 0o700 });
      await this.#sweep();
      try {
        const { digest, size } = await writeHashed(temporary, source, signal);
        if (expected && (expected.digest !== digest || expected.size !== size)) {
          throw corrupt('what came', `is ${digest} (${size} bytes), and should be ${expected.digest}`);
        }
        const path = this.#pathOf(digest);
        await rename(temporary, path);
        return { digest, size, path };
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
    });
  }

  async readNote(name: string): Promise<unknown> {
    const text = await readFile(this.#noteOf(name), 'utf8').catch(() => '');
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

  #writing<T>(work: () => Promise<T>): Promise<T> {
    return withWriteErrors(
      this.folder,
      'mend that, or use another folder: export XDG_CACHE_HOME=<folder>',
      work,
    );
  }

  /** What a killed process left half-written is removed a day later. */
  async #sweep(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    const folder = join(this.folder, 'blobs');
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.tmp')) continue;
      const found = await stat(join(folder, name)).catch(() => undefined);
      if (found && found.mtimeMs < Date.now() - dayMs) await rm(join(folder, name), { force: true });
    }
  }
}

const dayMs = 24 * 60 * 60 * 1000;

async function writeHashed(
  path: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  signal: AbortSignal,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source instanceof Uint8Array ? [source] : source) {
      hash.update(chunk);
      size += chunk.byteLength;
      yield chunk;
    }
  }
  await writeNew(path, hashed(), signal);
  return { digest: `sha256:${hash.digest('hex')}`, size };
}
