import { dirname } from 'node:path';
import type { Disk } from './durable.ts';

interface Content {
  /** What a power cut leaves. */
  synced: Buffer;
  /** What a process reads. */
  written: Buffer;
}

/** What may be read after a power cut: the content of each file that is there. */
export type World = ReadonlyMap<string, string>;

/**
 * A disk that loses what was not synced: of a file its content, of a folder the names in it. After a power cut each of
 * the two may have reached the disk all the same, in whatever order.
 */
export class FakeDisk implements Disk {
  /** All that a power cut before each step, and after the last one, may leave. */
  readonly worlds: World[] = [];
  #names = new Map<string, Content>();
  #syncedNames = new Map<string, Content>();
  readonly #open = new Map<number, { readonly path: string; readonly content?: Content }>();
  #nextFile = 3;

  /** Names and contents are on the disk from the start. */
  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(files))
      this.#names.set(path, { synced: Buffer.from(text), written: Buffer.from(text) });
    this.#syncedNames = new Map(this.#names);
  }

  /** What a power cut may leave now. */
  cut(): readonly World[] {
    const worlds: World[] = [];
    for (const names of [this.#names, this.#syncedNames]) {
      for (const version of ['synced', 'written'] as const) {
        const files = [...names].map(([path, content]) => [path, content[version].toString()] as const);
        worlds.push(new Map(files));
      }
    }
    return worlds;
  }

  openSync = (path: string, flags: 'r' | 'w' | 'a+'): number => {
    this.#step();
    const file = this.#nextFile++;
    const known = this.#names.get(path);
    if (flags === 'r') {
      this.#open.set(file, { path, ...(known ? { content: known } : {}) });
      return file;
    }
    const content = known ?? { synced: Buffer.alloc(0), written: Buffer.alloc(0) };
    if (flags === 'w') content.written = Buffer.alloc(0);
    this.#names.set(path, content);
    this.#open.set(file, { path, content });
    return file;
  };

  /** A byte less than asked for, as a disk may. */
  writeSync = (file: number, bytes: Uint8Array, offset: number): number => {
    this.#step();
    const part = bytes.subarray(offset, Math.max(offset + 1, bytes.length - 1));
    const content = this.#contentOf(file);
    content.written = Buffer.concat([content.written, part]);
    return part.length;
  };

  readSync = (file: number, into: Uint8Array, offset: number, length: number, at: number): number => {
    const part = this.#contentOf(file).written.subarray(at, at + length);
    into.set(part, offset);
    return part.length;
  };

  fstatSync = (file: number): { readonly size: number } => ({ size: this.#contentOf(file).written.length });

  fsyncSync = (file: number): void => {
    this.#step();
    const { path, content } = this.#open.get(file) ?? { path: '' };
    if (content) {
      content.synced = content.written;
      return;
    }
    const isOther = ([name]: readonly [string, Content]) => dirname(name) !== path;
    const isIn = ([name]: readonly [string, Content]) => dirname(name) === path;
    this.#syncedNames = new Map([
      ...[...this.#syncedNames].filter(isOther),
      ...[...this.#names].filter(isIn),
    ]);
  };

  closeSync = (file: number): void => {
    this.#open.delete(file);
  };

  existsSync = (path: string): boolean => this.#names.has(path);

  renameSync = (from: string, to: string): void => {
    this.#step();
    const content = this.#names.get(from);
    if (!content) throw Object.assign(new Error(`${from} is not there`), { code: 'ENOENT' });
    this.#names.delete(from);
    this.#names.set(to, content);
  };

  rmSync = (path: string): void => {
    this.#step();
    this.#names.delete(path);
  };

  #step(): void {
    this.worlds.push(...this.cut());
  }

  #contentOf(file: number): Content {
    const content = this.#open.get(file)?.content;
    if (!content) throw Object.assign(new Error(`${file} is not an open file`), { code: 'EBADF' });
    return content;
  }
}
