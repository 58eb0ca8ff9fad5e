import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Receipt, Status } from '../core/environment.ts';
import { birthOf, isAlive, type ProcessIdentity } from './birth.ts';
import { writeWhole } from './durable.ts';
import { forgetEngines } from './engine/engine-note.ts';
import { isFree } from './free-port.ts';
import { readRelease } from './history.ts';
import { readLiveLock } from './lock.ts';
import { type Paths, removeSocketFolder } from './paths.ts';
import type { Hello } from './protocol.ts';
import { clearEngines, type InEngine } from './supervisor/container-leftovers.ts';
import { endCommandLeftovers, endLeftovers, listLeftovers } from './supervisor/leftovers.ts';
import { commandFolders } from './supervisor/log-folders.ts';
import { endOneOff } from './supervisor/one-off.ts';

/** How long a process may take to be gone after SIGKILL. */
const killMs = 10_000;

/** Waits for a process to end, and ends it when that takes too long. */
export async function endProcess(identity: ProcessIdentity, patienceMs: number): Promise<void> {
  if (await isGoneWithin(identity, patienceMs)) return;
  sendSignal(identity, 'SIGKILL');
  await isGoneWithin(identity, killMs);
}

/** A process that has ended meanwhile is left at that. */
export function sendSignal({ pid }: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // As said.
  }
}

async function isGoneWithin(identity: ProcessIdentity, ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  while (isAlive(identity) && performance.now() < until) await Bun.sleep(10);
  return !isAlive(identity);
}

/** Keeps the keeper from starting a supervisor again, when the one that runs has to be killed. */
export function forbidReturn({ root, tombstone }: Paths): void {
  if (existsSync(root)) writeWhole(tombstone, '');
}

/** The process that holds the environment: by its lock, or where that is lost, as it says itself. */
export function holderOf(paths: Paths, before: Hello | undefined): ProcessIdentity | undefined {
  const birth = before && birthOf(before.pid);
  return readLiveLock(paths) ?? (before && birth ? { pid: before.pid, birth } : undefined);
}

export interface Found {
  /** What it said of itself, if it did. */
  readonly before: Status | undefined;
  readonly holder: ProcessIdentity | undefined;
  /** What there was in the engines. */
  readonly inEngines: readonly InEngine[];
}

/** Removes what a supervisor left, and looks whether all is gone. History and good releases are kept. */
export async function clearAway(
  paths: Paths,
  environment: string,
  { before, holder, inEngines }: Found,
): Promise<Receipt> {
  const socketFolder = dirname(paths.socket);
  const hadSocket = holder !== undefined || existsSync(socketFolder);
  if (!hadSocket && !existsSync(paths.root)) return { environment, items: [], kept: [] };
  const commands = commandFolders(paths.logs).filter((name) => endOneOff(join(paths.logs, name))).length;
  endLeftovers(paths.census, paths.root);
  endCommandLeftovers(paths.root);
  const left = listLeftovers(paths.census, paths.root).length;
  const engineLeft = await clearEngines(paths);
  removeSocketFolder(socketFolder);
  const { lock, desired, secrets, logs, runtime, supervisorLog } = paths;
  for (const path of [lock, desired, secrets, logs, runtime, supervisorLog, `${supervisorLog}.1`]) {
    rmSync(path, { recursive: true, force: true });
  }
  if (left === 0) rmSync(paths.census, { recursive: true, force: true });
  if (!engineLeft.some(isLeft)) forgetEngines(paths);
  const port = before?.url === undefined ? undefined : Number(new URL(before.url).port);
  const replicas = before?.running.length ?? 0;
  const areContainers =
    before?.running.some(({ release }) => readRelease(paths, release)?.image !== undefined) ?? false;
  const item = (what: string, isGone: boolean) => ({ what, isGone });
  return {
    environment,
    items: [
      ...(holder ? [item('the supervisor and its keeper', !isAlive(holder))] : []),
      ...(replicas > 0
        ? [item(counted(replicas, 'replica'), left === 0 && !(areContainers && engineLeft.some(isLeft)))]
        : []),
      ...(replicas === 0 && left > 0 ? [item(`${left} processes of an earlier supervisor`, false)] : []),
      ...engineItems(inEngines, engineLeft),
      ...(commands > 0 ? [item('a release command that ran', true)] : []),
      ...(port === undefined ? [] : [item(`the listener on 127.0.0.1:${port}`, isFree(port))]),
      ...(hadSocket ? [item('the control socket', !existsSync(socketFolder))] : []),
    ],
    kept: keptIn(paths),
  };
}

/** An engine that answers nothing, or with an error, may have something of ours still: the next `down` asks it again. */
function engineItems(there: readonly InEngine[], left: readonly InEngine[]): Receipt['items'] {
  const item = (kind: 'containers' | 'images', what: (count: number) => string) => {
    const had = there.filter((engine) => engine[kind] > 0);
    const count = had.reduce((sum, engine) => sum + engine[kind], 0);
    const isGone = had.every(({ socket }) => {
      const now = left.find((engine) => engine.socket === socket);
      return now?.[kind] === 0 && now.trouble === undefined;
    });
    return count > 0 ? [{ what: what(count), isGone }] : [];
  };
  return [
    ...item('containers', (count) => counted(count, 'container')),
    ...item('images', (count) => `${counted(count, 'image')} in the engine`),
    ...left.flatMap(({ socket, trouble }) =>
      trouble === undefined
        ? []
        : [{ what: `what may be in the engine at ${socket} (${trouble})`, isGone: false }],
    ),
  ];
}

function isLeft({ containers, images, trouble }: InEngine): boolean {
  return containers > 0 || images > 0 || trouble !== undefined;
}

function counted(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}

function keptIn({ root, releases, history }: Paths): readonly string[] {
  const count = existsSync(releases) ? readdirSync(releases).length : 0;
  if (!existsSync(history)) return [];
  return [`the history and ${counted(count, 'release')} in ${root}`];
}
