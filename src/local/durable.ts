import fs, { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../core/errors.ts';
import { whyNotWritten } from '../core/why-not-written.ts';
import { birthOf } from './birth.ts';

/** What a disk does for these; a test has one whose power can be cut. */
export interface Disk {
  readonly openSync: (path: string, flags: 'r' | 'w' | 'a+', mode?: number) => number;
  readonly writeSync: (file: number, bytes: Uint8Array, offset: number) => number;
  readonly readSync: (file: number, into: Uint8Array, offset: number, length: number, at: number) => number;
  readonly fstatSync: (file: number) => { readonly size: number };
  readonly fsyncSync: (file: number) => void;
  readonly closeSync: (file: number) => void;
  readonly existsSync: (path: string) => boolean;
  readonly renameSync: (from: string, to: string) => void;
  readonly rmSync: (path: string, options: { readonly force: true }) => void;
}

const realDisk: Disk = fs;

/** Writes a file so that a crash of the machine at any moment leaves the old content or the new, whole. */
export function writeDurably(path: string, content: string | Uint8Array, disk = realDisk): void {
  withFolder(path, () => {
    replaceFile(disk, path, content, (file) => disk.fsyncSync(file));
    syncFolder(dirname(path), disk);
  });
}

/** The same for a crash of the process alone, which costs no wait for the disk. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  withFolder(path, () => replaceFile(realDisk, path, content, () => undefined));
}

/** Adds a line to a file, and returns when it is on the disk. A line that a crash cut off is ended first. */
export function appendDurably(path: string, line: string, disk = realDisk): void {
  withFolder(path, () => {
    const isNew = !disk.existsSync(path);
    const file = disk.openSync(path, 'a+', 0o600);
    try {
      writeAll(disk, file, Buffer.from(`${endsInLine(disk, file) ? '' : '\n'}${line}\n`));
      disk.fsyncSync(file);
    } finally {
      disk.closeSync(file);
    }
    if (isNew) syncFolder(dirname(path), disk);
  });
}

/** The content of a file, or nothing where there is none. */
export function readIfThere(path: string): string | undefined {
  return ifThere(path, () => readFileSync(path, 'utf8'));
}

/** The last lines of a file, in at most so many bytes, and whether that is all of it; nothing where there is none. */
export function readEndIfThere(path: string, bytes: number): { text: string; isWhole: boolean } | undefined {
  return ifThere(path, () => {
    const file = realDisk.openSync(path, 'r');
    try {
      const { size } = realDisk.fstatSync(file);
      if (size <= bytes) return { text: readFileSync(file, 'utf8'), isWhole: true };
      const end = Buffer.alloc(bytes);
      const read = realDisk.readSync(file, end, 0, bytes, size - bytes);
      // The first line is cut off, and may begin amid a character.
      return { text: end.toString('utf8', end.indexOf('\n') + 1, read), isWhole: false };
    } finally {
      realDisk.closeSync(file);
    }
  });
}

function ifThere<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    if (errorCode(error) !== 'EISDIR') throw error;
    throw new UserError({
      code: 'state_corrupt',
      message: `${path} is a folder, and was a file`,
      hint: 'move it away; what it held is lost',
      cause: error,
    });
  }
}

export function makeFolder(path: string): void {
  try {
    withStateErrors(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
  } catch (error) {
    // Some file systems, such as /proc, say so instead of refusing.
    throw errorCode(error) === 'ENOENT' ? cannotWrite(path, 'no folder can be made there', error) : error;
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** Runs work that writes to the state folder, and says in plain words what kept it from writing. */
export function withStateErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toStateError(path, error);
  }
}

/** The same error in the user's words, where it says that the state folder cannot be written. */
export function toStateError(path: string, error: unknown): unknown {
  const reason = whyNotWritten(error);
  return reason === undefined ? error : cannotWrite(path, reason, error);
}

function cannotWrite(path: string, reason: string, cause: unknown): UserError {
  return new UserError({
    code: 'state_not_writable',
    message: `cannot write ${path}: ${reason}`,
    hint: 'mend that, or keep the state elsewhere: export XDG_STATE_HOME=<folder>',
    cause,
  });
}

let writes = 0;
const folderTries = 3;

/** Writes to a file in the state folder; that folder is made anew where somebody deletes it at this moment. */
function withFolder(path: string, write: () => void): void {
  for (let left = folderTries; ; left -= 1) {
    try {
      withStateErrors(path, write);
      return;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || left === 1) throw error;
      makeFolder(dirname(path));
    }
  }
}

/** Removes what processes that were killed in the midst of writing left beside their files in a folder. */
export function clearUnfinished(folder: string): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const pid = /\.(\d+)(?:\.\d+)?\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && birthOf(Number(pid)) === undefined)
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function replaceFile(
  disk: Disk,
  path: string,
  content: string | Uint8Array,
  settle: (file: number) => void,
): void {
  writes += 1;
  const temporary = `${path}.${process.pid}.${writes}.tmp`;
  const file = disk.openSync(temporary, 'w', 0o600);
  try {
    try {
      writeAll(disk, file, typeof content === 'string' ? Buffer.from(content) : content);
      settle(file);
    } finally {
      disk.closeSync(file);
    }
    disk.renameSync(temporary, path);
  } catch (error) {
    disk.rmSync(temporary, { force: true });
    throw error;
  }
}

function writeAll(disk: Disk, file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += disk.writeSync(file, bytes, written);
}

function endsInLine(disk: Disk, file: number): boolean {
  const { size } = disk.fstatSync(file);
  const last = Buffer.alloc(1);
  return size === 0 || (disk.readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 10);
}

/** Waits until a folder with all that is in it is on the disk. */
export function syncTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) syncTree(inner);
    else if (entry.isFile()) syncFolder(inner);
  }
  syncFolder(path);
}

export function syncFolder(path: string, disk = realDisk): void {
  const folder = disk.openSync(path, 'r');
  try {
    disk.fsyncSync(folder);
  } finally {
    disk.closeSync(folder);
  }
}
