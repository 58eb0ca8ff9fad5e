import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Config, parseConfig } from '../core/config.ts';
import { UserError } from '../core/errors.ts';
import { orAbort } from '../core/or-abort.ts';
import type { Cli } from './cli.ts';
import type { Io } from './io.ts';
import { printable } from './terminal/printable.ts';
import { withoutStdout } from './without-stdout.ts';

const fileName = 'causeway.config.ts';

export interface LoadedConfig {
  readonly config: Config;
  readonly file: string;
  /** The folder that the config's paths are relative to, links resolved. */
  readonly folder: string;
}

/** What loading takes of a command. */
export interface Loader {
  readonly io: Pick<Io, 'cwd' | 'signal' | 'every'> & { readonly stderr: Pick<Io['stderr'], 'write'> };
  readonly options: Pick<Cli['options'], 'config'>;
  readonly err: Pick<Cli['err'], 'spell' | 'isLive'>;
}

/**
 * Loads the config that `--config` names, or the nearest one in the folder or above it. What the file prints
 * goes to stderr. Rejects with the signal's reason where that aborts first.
 */
export async function loadConfig(loader: Loader): Promise<LoadedConfig> {
  const { cwd, signal } = loader.io;
  const path = findConfig({ cwd, file: loader.options.config });
  const shown = relative(cwd, path) || path;
  const stopTelling = tellWhileLoading(loader, shown);
  try {
    const exported = await withoutStdout(() => orAbort(exportOf(path, shown), signal));
    return { config: parseConfig(exported, shown), file: path, folder: dirname(path) };
  } finally {
    stopTelling();
  }
}

const longMs = 5_000;

/**
 * Says once that loading takes long. What it returns ends that; until then its timer also keeps the process from
 * ending, and the runtime from spinning, where the file awaits what never comes.
 */
function tellWhileLoading({ io, err }: Loader, shown: string): () => void {
  let hasTold = false;
  return io.every(longMs, () => {
    if (hasTold) return;
    hasTold = true;
    const text = err.spell(`${printable(shown)} is still loading`);
    io.stderr.write(err.isLive ? `\r${text}\x1b[K\n` : `${text}\n`);
  });
}

/** The file that `--config` names, or the nearest one; links resolved. */
export function findConfig({ cwd, file }: { cwd: string; file?: string | undefined }): string {
  return realpathSync(file === undefined ? findUpwards(cwd) : named(cwd, file));
}

function named(cwd: string, file: string): string {
  const path = resolve(cwd, file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return path;
  if (found?.isDirectory()) throw isFolder(path, file);
  throw new UserError({
    code: 'config_not_found',
    message: `there is no config ${file}`,
    hint: 'give the path of a file after --config, from the folder that you are in',
  });
}

function isFolder(path: string, file: string): UserError {
  const within = join(file, fileName);
  return new UserError({
    code: 'config_not_found',
    message: `${file} is a folder, not a config`,
    hint: existsSync(join(path, fileName))
      ? `did you mean --config ${within}?`
      : `there is no ${fileName} in it; give the path of a file after --config`,
  });
}

function findUpwards(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, fileName);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) break;
  }
  throw new UserError({
    code: 'config_not_found',
    message: `no ${fileName} in ${cwd} or in a folder above it`,
    hint: 'cd to the project, name the file with --config, or write one: docs/service-contract.md#the-smallest-service has it',
  });
}

async function exportOf(path: string, shown: string): Promise<unknown> {
  try {
    const module: { default?: unknown } = await import(pathToFileURL(path).href);
    return module.default;
  } catch (cause) {
    throw new UserError({
      code: 'config_wrong',
      message: `${shown} does not load: ${describe(cause)}`,
      hint: 'mend the file; docs/config.md shows what it holds',
      cause,
    });
  }
}

/** What the compiler or the file itself threw, in one line, with its place where it has one. */
function describe(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) {
    const [first, ...others] = thrown.errors;
    return others.length === 0 ? describe(first) : `${describe(first)} (and ${others.length} more)`;
  }
  if (!(thrown instanceof Error)) return String(thrown);
  const { position } = thrown as { position?: { line: number; column: number } | null };
  const [message = thrown.name] = thrown.message.split('\n');
  return position ? `line ${position.line}, column ${position.column}: ${message}` : message;
}
