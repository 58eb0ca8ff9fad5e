import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';
import { whyNotWritten } from '../../core/why-not-written.ts';
import type { Place } from '../manifests/names.ts';

export interface KeptHistoryOptions {
  /** The user's, where the environments of this machine lie too. */
  readonly stateFolder: string;
  readonly place: Place;
  /** The API server's URL: the same names may be in another cluster. */
  readonly server: string;
}

export interface KeepOptions extends KeptHistoryOptions {
  /** A JSON document each, oldest first, as the cluster has them: one that this version cannot read is kept too. */
  readonly records: readonly string[];
}

/** Adds the records to the environment's file, each once and oldest first, one JSON document a line; its path. */
export async function keepHistory({ records, ...options }: KeepOptions): Promise<string> {
  const path = pathOf(options);
  try {
    const lines = await readLines(path);
    const kept = new Set(lines.map(idOf));
    const added = records.map(onOneLine).filter((line) => !kept.has(idOf(line)));
    await writeWhole(path, [...lines, ...added].map((line) => `${line}\n`).join(''));
    return path;
  } catch (error) {
    const reason = whyNotWritten(error);
    if (reason === undefined) throw error;
    throw new UserError({
      code: 'state_not_writable',
      message: `cannot write ${path}: ${reason}`,
      hint: 'nothing was taken down; mend that, or keep the history elsewhere: export XDG_STATE_HOME=<folder>',
      cause: error,
    });
  }
}

export interface KeptHistory {
  readonly path: string;
  /** As `keepHistory` was given them. */
  readonly records: readonly string[];
}

/** What an earlier `down` of this environment kept on this machine. */
export async function readKeptHistory(options: KeptHistoryOptions): Promise<KeptHistory> {
  const path = pathOf(options);
  try {
    return { path, records: await readLines(path) };
  } catch (error) {
    const reason = whyNotWritten(error);
    if (reason === undefined) throw error;
    throw new UserError({
      code: 'state_not_writable',
      message: `cannot read ${path}: ${reason}`,
      hint: 'it holds the history that down kept; mend that, or move it away to begin a new one',
      cause: error,
    });
  }
}

function pathOf({ stateFolder, place, server }: KeptHistoryOptions): string {
  const { project, environment, namespace } = place;
  const hash = sha256(`${server}\0${namespace}`).slice(0, 10);
  return join(stateFolder, 'history', `${project}-${environment}-${hash}.jsonl`);
}

async function readLines(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(nothingIfMissing);
  return text.split('\n').filter(Boolean);
}

function onOneLine(record: string): string {
  return record.replace(/[\r\n]+/g, ' ');
}

/** What is no record is its own name. */
function idOf(line: string): unknown {
  try {
    return (JSON.parse(line) as { readonly id?: unknown } | null)?.id ?? line;
  } catch {
    return line;
  }
}

/** On the disk when it returns: what it is a copy of is deleted next. */
async function writeWhole(path: string, content: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function nothingIfMissing(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
  throw error;
}
