import {
  copyFileSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors.ts';
import { baseEnvOf } from './base-env.ts';
import { type ControlClient, silentError } from './control-client.ts';
import { makeFolder, readIfThere, withStateErrors, writeWhole } from './durable.ts';
import { readLiveLock } from './lock.ts';
import type { Paths } from './paths.ts';
import { portBusy } from './port-busy.ts';
import { type Hello, supervisorExits } from './protocol.ts';
import type { Setup } from './supervisor/requests.ts';

export interface LaunchOptions {
  readonly paths: Paths;
  readonly project: string;
  /** The folder of the config. */
  readonly folder: string;
  readonly environment: string;
  readonly port: number;
  /** The program that runs the supervisor and the replicas. */
  readonly runtime: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly client: ControlClient;
  readonly trace: (line: string) => void;
}

const startMs = 15_000;
const lookMs = 4;
const mostLogBytes = 1024 * 1024;

/** Starts a supervisor that outlives this command, and returns when one answers: this one, or one that was faster. */
export async function launchSupervisor(options: LaunchOptions, signal: AbortSignal): Promise<Hello> {
  const { paths, client, trace } = options;
  makeFolder(paths.root);
  rmSync(paths.tombstone, { recursive: true, force: true });
  const argv = await placeRuntime(options);
  const log = openLog(paths.supervisorLog);
  trace(`start ${argv.join(' ')}`);
  const child = Bun.spawn(argv, {
    stdio: ['ignore', log, log],
    cwd: '/',
    env: baseEnvOf(options.env),
    detached: true,
  });
  child.unref();
  const until = performance.now() + startMs;
  while (performance.now() < until) {
    signal.throwIfAborted();
    const { exitCode } = child;
    if (exitCode !== null && exitCode !== supervisorExits.otherWon) throw startError(exitCode, options);
    const hello = existsSync(paths.socket) ? await client.hello() : undefined;
    // Of two that are started at once, the later one must not come up when the other has been taken down.
    const isSettled = hello?.pid === child.pid || exitCode !== null;
    if (hello && isSettled) return hello;
    await Bun.sleep(lookMs);
  }
  throw lateError(paths);
}

/** The runtime and the supervisor's own code are put beside the releases, where no `npm ci` touches them. */
export async function placeRuntime({
  paths,
  environment,
  port,
  runtime,
}: Omit<LaunchOptions, 'client' | 'trace' | 'env' | 'project' | 'folder'>): Promise<string[]> {
  makeFolder(paths.runtime);
  const ownRuntime = join(paths.runtime, 'bun');
  if (!isSameFile(runtime, ownRuntime)) placeFile(runtime, ownRuntime);
  const code = join(paths.runtime, 'supervisor.js');
  placeCode(code, await bundleSupervisor());
  const setup: Setup = { environment, root: paths.root, socket: paths.socket, port };
  return [ownRuntime, '--no-install', '--no-env-file', '--smol', code, JSON.stringify(setup)];
}

async function bundleSupervisor(): Promise<Uint8Array> {
  const entry = join(import.meta.dir, 'supervisor', 'main.ts');
  const { outputs } = await Bun.build({ entrypoints: [entry], target: 'bun' });
  const [bundle] = outputs;
  if (!bundle) throw new Error(`${entry} gave no bundle`);
  return new Uint8Array(await bundle.arrayBuffer());
}

/**
 * What is the same is left as it is, also where another command placed it this moment: the runtime does not find a file
 * that is replaced while it opens it.
 */
function placeCode(path: string, bytes: Uint8Array): void {
  if (holds(path, bytes)) return;
  const unlinked = `${path}.${process.pid}.${Bun.randomUUIDv7()}`;
  withStateErrors(path, () => {
    try {
      writeWhole(unlinked, bytes);
      linkSync(unlinked, path);
    } catch {
      // Another version's is there, another command was faster, or the disk knows no links.
      if (!holds(path, bytes)) writeWhole(path, bytes);
    } finally {
      rmSync(unlinked, { force: true });
    }
  });
}

function holds(path: string, bytes: Uint8Array): boolean {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return isFile && readFileSync(path).equals(bytes);
}

/** A hard link costs nothing and survives that the other name is removed; elsewhere it is a copy. */
function placeFile(from: string, to: string): void {
  const unfinished = `${to}.${process.pid}.tmp`;
  withStateErrors(to, () => {
    rmSync(unfinished, { force: true });
    try {
      linkOrCopy(from, unfinished);
      renameSync(unfinished, to);
    } finally {
      // Also where both are names of one file: a rename leaves them as they are.
      rmSync(unfinished, { force: true });
    }
  });
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
    const { atime, mtime } = statSync(from);
    utimesSync(to, atime, mtime);
  }
}

function isSameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (!one || !other) return false;
  return (
    (one.ino === other.ino && one.dev === other.dev) ||
    (one.size === other.size && one.mtimeMs === other.mtimeMs)
  );
}

function openLog(path: string): number {
  return withStateErrors(path, () => {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > mostLogBytes) renameSync(path, `${path}.1`);
    return openSync(path, 'a', 0o600);
  });
}

function startError(exitCode: number, options: LaunchOptions): UserError {
  const { paths } = options;
  if (exitCode === supervisorExits.portBusy)
    return new UserError({ code: 'port_busy', ...portBusy(options) });
  if (exitCode === supervisorExits.stateNotWritable) {
    return new UserError({
      code: 'state_not_writable',
      message: `the supervisor cannot make its folders in ${paths.root}`,
      hint: 'mend what is said below',
      details: lastLinesOf(paths.supervisorLog, 1),
    });
  }
  return new UserError({
    code: 'supervisor_failed',
    message: `the supervisor ended with exit code ${exitCode}`,
    hint: `its log is ${paths.supervisorLog}`,
    details: lastLinesOf(paths.supervisorLog),
  });
}

function lateError(paths: Paths): UserError {
  if (readLiveLock(paths)) return silentError(paths);
  return new UserError({
    code: 'supervisor_failed',
    message: 'the supervisor did not start in time',
    hint: `its log is ${paths.supervisorLog}`,
    details: lastLinesOf(paths.supervisorLog),
  });
}

function lastLinesOf(path: string, count = 10): string {
  return (readIfThere(path) ?? '').trimEnd().split('\n').slice(-count).join('\n');
}
