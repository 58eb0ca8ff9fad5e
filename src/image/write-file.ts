import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../core/errors.ts';
import type { Descriptor } from './oci.ts';

/** Writes beside the path and renames, so that nobody ever sees a part of the content. */
export async function writeWhole(
  path: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  await replace(path, (temporary) => writeNew(temporary, content, signal));
}

/** The same with the content of another file, as a hard link where the file system can. */
export async function linkWhole(path: string, from: string): Promise<void> {
  await replace(path, (temporary) => link(from, temporary).catch(() => copyFile(from, temporary)));
}

/** Writes a file that is not there yet. What lies in a cache or a layout is named by its digest: it never changes. */
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
  for await (const chunk of readFrom(path)) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return `sha256:${hash.digest('hex')}` === digest;
}

export async function* readFrom(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { highWaterMark: 64 * 1024 });
}

let writes = 0;

/** A name beside the path that no other process and no other write of this one uses. */
export function besides(path: string): string {
  writes += 1;
  return `${path}.${process.pid}.${writes}.tmp`;
}

async function replace(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = besides(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await fill(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota on this disk is used up',
  EROFS: 'it is on a read-only file system',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'a folder is in its place',
  EEXIST: 'something that is not a folder is in its place',
};

/** Runs work that writes, and says in plain words what kept it from writing. */
export async function withWriteErrors<T>(path: string, hint: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = reasons[errorCode(error) ?? ''];
    if (reason === undefined || error instanceof UserError) throw error;
    throw new UserError({
      code: 'image_not_writable',
      message: `cannot write ${path}: ${reason}`,
      hint,
      cause: error,
    });
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
