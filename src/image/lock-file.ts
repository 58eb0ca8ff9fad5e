import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../core/errors.ts';
import { wordsOf } from '../core/words-of.ts';
import { digestSchema } from './oci.ts';
import { parseJson } from './parse-json.ts';
import { behindLink, errorCode, writeWhole } from './write-file.ts';

export const lockFileName = 'causeway.lock.json';

const lockSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Digests by the base's name as the config writes it. */
  bases: z.record(z.string(), digestSchema),
});

/** The digests of bases that were looked up before; none where there is no lock file yet. */
export async function readLock(folder: string): Promise<ReadonlyMap<string, string>> {
  const path = join(folder, lockFileName);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw wrong(`cannot read ${path}`, 'mend that; it is a file that belongs to the repository', error);
  });
  if (text === undefined) return new Map();
  const hint = 'take the last good one from git, or remove it: the next build looks the base up anew';
  const json = parseJson(text);
  if (json === undefined) throw wrong(`${path} is not JSON`, hint);
  const result = lockSchema.safeParse(json);
  if (result.success) return new Map(Object.entries(result.data.bases));
  const [issue] = result.error.issues;
  throw wrong(`${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`, hint);
}

/** Writes the digests of these bases, and of no others. */
export async function writeLock(folder: string, bases: Readonly<Record<string, string>>): Promise<void> {
  const path = join(folder, lockFileName);
  const sorted = Object.fromEntries(Object.entries(bases).sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = `${JSON.stringify({ schemaVersion: 1, bases: sorted }, undefined, 2)}\n`;
  await writeWhole(await behindLink(path), Buffer.from(text)).catch((error: unknown) => {
    throw wrong(
      `cannot write ${path}: ${wordsOf(error)}`,
      "mend that, or name the base by its digest in the config: image.base: '<name>@sha256:…'",
      error,
    );
  });
}

function wrong(message: string, hint: string, cause?: unknown): UserError {
  return new UserError({ code: 'lock_wrong', message, hint, cause });
}
