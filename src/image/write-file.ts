import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, link, mkdir, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../core/errors.ts';
import { whyNotWritten } from '../core/why-not-written.ts';
import { corrupt } from './corrupt.ts';
import type { Descriptor } from './oci.ts';

/** Writes beside the path and renames, so that nobody ever sees a part of the content. */
export async function writeWhole(
  path: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  await replace(path, (temporary) => writeNew(temporary, content, signal));
}

/** The same as another name of a file that never changes; a copy where the file system has no such names. */
export async function linkWhole(path: string, from: string): Promise<void> {
  await replace(path, (temporary) => link(from, temporary)).catch(() => copyWhole(path, from));
}

/**
 * The same with the content of another file, without copying its bytes where the file system can. Never as a hard
 * link: what damages one of the two would damage both.
 */
export async function copyWhole(path: string, from: string): Promise<void> {
  await replace(path, async (temporary) => {
    await copyFile(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE).catch(
      async (error: unknown) => {
        if (errorCode(error) !== 'EEXIST') await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      },
    );
  });
}

/** The file that a link leads to, though it may not be there yet; of no link, the path itself. */
export async function behindLink(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return path;
  return realpath(path).catch(() => resolve(dirname(path), target));
}

/**
 * Writes a file that is not there yet, and leaves nothing of it where that fails. What lies in a cache or a layout
 * is named by its digest: it never changes.
 */
export async function writeNew(
  path: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const file = await open(path, 'wx', 0o666);
  try {
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      signal?.throwIfAborted();
      await file.writeFile(chunk);
    }
    await file.close();
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** More than a registry must take: 8 MiB is twice that. */
const mostBytes = 8_388_608;

/** The content of a small file; none where there is none. What is no file, such as a pipe, and what is too long throws. */
export async function readSmall(path: string): Promise<Buffer | undefined> {
  // A pipe that nobody writes to would never be opened.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile()) throw corrupt(path, 'is no file');
    if (found.size > mostBytes) throw corrupt(path, `is longer than ${mostBytes} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Whether the file holds exactly this content. */
export async function holds(
  path: string,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== size) return false;
  const hash = createHash('sha256');
  try {
    for await (const chunk of readFrom(path)) {
      signal.throwIfAborted();
      hash.update(chunk);
    }
  } catch (error) {
    // Whoever sweeps may have been faster.
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
  return `sha256:${hash.digest('hex')}` === digest;
}

export async function* readFrom(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { highWaterMark: 64 * 1024 });
}

/** A name beside the path that nobody else uses: process ids are not enough where containers share a folder. */
export function besides(path: string): string {
  return `${path}.${crypto.randomUUID()}.tmp`;
}

async function replace(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = besides(path);
  await mkdir(dirname(path), { recursive: true });
  await fill(temporary);
  await moveTo(path, temporary);
}

/** Gives what was written beside the path its name; where that fails, it is removed. */
export async function moveTo(path: string, temporary: string): Promise<void> {
  await rename(temporary, path).catch(async (error: unknown) => {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  });
}

/** Passes a content on, so that an error of reading it is not taken for one of writing. */
export type Reading = <T extends Uint8Array | AsyncIterable<Uint8Array>>(
  content: T,
) => T | AsyncIterable<Uint8Array>;

/** Runs work that writes what it passes through `reading`, and says in plain words what kept it from writing. */
export async function withWriteErrors<T>(
  path: string,
  hint: string,
  work: (reading: Reading) => Promise<T>,
): Promise<T> {
  let ofReading: unknown;
  async function* watched(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* content;
    } catch (error) {
      ofReading = error;
      throw error;
    }
  }
  try {
    return await work((content) => (content instanceof Uint8Array ? content : watched(content)));
  } catch (error) {
    const reason = whyNotWritten(error) ?? placeReasons[errorCode(error) ?? ''];
    if (reason === undefined || error === ofReading || error instanceof UserError) throw error;
    throw new UserError({
      code: 'image_not_writable',
      message: `cannot write ${path}: ${reason}`,
      hint,
      cause: error,
    });
  }
}

/** What is wrong with a place that the user named. */
const placeReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such place, and none can be made there',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its links go in circles',
};

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
