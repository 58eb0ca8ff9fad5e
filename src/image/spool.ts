import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hexOf } from './digest.ts';
import type { Descriptor } from './oci.ts';
import type { BlobContent, ImageReader } from './store.ts';
import { withWriteErrors, writeWhole } from './write-file.ts';

/** Blobs on their way from a reader: as its own files where it has them, else in a folder that is removed after. */
export class Spool implements AsyncDisposable {
  readonly from: ImageReader;
  #folder: Promise<string> | undefined;

  constructor(from: ImageReader) {
    this.from = from;
  }

  content(descriptor: Descriptor): BlobContent {
    const open = async (signal: AbortSignal) => {
      const path = await this.from.file?.(descriptor, signal);
      return { path: path ?? (await this.#fetch(descriptor, signal)) };
    };
    return { descriptor, open, ...(this.from.file ? {} : { isIn: this.from.name }) };
  }

  async #fetch(descriptor: Descriptor, signal: AbortSignal): Promise<string> {
    const hint = 'mend that, or use another folder: export TMPDIR=<folder>';
    const path = await withWriteErrors(tmpdir(), hint, async () => {
      this.#folder ??= mkdtemp(join(tmpdir(), 'causeway-copy-'));
      return join(await this.#folder, hexOf(descriptor.digest));
    });
    if (await stat(path).catch(() => undefined)) return path;
    const blob = await this.from.blob(descriptor, signal);
    await withWriteErrors(tmpdir(), hint, (reading) => writeWhole(path, reading(blob), signal));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const folder = await this.#folder?.catch(() => undefined);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
