import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../core/errors.ts';
import { whyNotWritten } from '../core/why-not-written.ts';

/** Writes a file so that a crash of the machine at any moment leaves the old content or the new, whole. */
export function writeDurably(path: string, content: string | Uint8Array): void {
  replaceFile(path, content, (file) => fsyncSync(file));
  syncFolder(dirname(path));
}

/** The same for a crash of the process alone, which costs no wait for the disk. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  replaceFile(path, content, () => undefined);
}

/** Adds a line to a file, and returns when it is on the disk. A line that a crash cut off is ended first. */
export function appendDurably(path: string, line: string): void {
  withStateErrors(path, () => {
    const isNew = !existsSync(path);
    const file = openSync(path, 'a+', 0o600);
    try {
      writeAll(file, Buffer.from(`${endsInLine(file) ? '' : '\n'}${line}\n`));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (isNew) syncFolder(dirname(path));
  });
}

/** The content of a file, or nothing where there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
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
  withStateErrors(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
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
  if (reason === undefined) return error;
  return new UserError({
    code: 'state_not_writable',
    message: `cannot write ${path}: ${reason}`,
    hint: 'mend that, or keep the state elsewhere: export XDG_STATE_HOME=<folder>',
    cause: error,
  });
}

let writes = 0;

function replaceFile(path: string, content: string | Uint8Array, settle: (file: number) => void): void {
  writes += 1;
  const temporary = `${path}.${process.pid}.${writes}.tmp`;
  withStateErrors(path, () => {
    const file = openSync(temporary, 'w', 0o600);
    try {
      try {
        writeAll(file, typeof content === 'string' ? Buffer.from(content) : content);
        settle(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}

function endsInLine(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === 10);
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

export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
