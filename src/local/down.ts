import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Receipt, Status } from '../core/environment.ts';
import { birthOf, isAlive, type ProcessIdentity } from './birth.ts';
import { writeWhole } from './durable.ts';
import { isFree } from './free-port.ts';
import { readLiveLock } from './lock.ts';
import type { Paths } from './paths.ts';
import type { Hello } from './protocol.ts';
import { endLeftovers, listLeftovers } from './supervisor/leftovers.ts';

/** Waits for a process to end, and ends it when that takes too long. */
export async function endProcess(identity: ProcessIdentity, patienceMs: number): Promise<void> {
  const until = Date.now() + patienceMs;
  while (isAlive(identity) && Date.now() < until) await Bun.sleep(10);
  while (isAlive(identity)) {
    process.kill(identity.pid, 'SIGKILL');
    await Bun.sleep(10);
  }
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
}

/** Removes what a supervisor left, and looks whether all is gone. History and good releases are kept. */
export function clearAway(paths: Paths, environment: string, { before, holder }: Found): Receipt {
  const socketFolder = dirname(paths.socket);
  const hadSocket = holder !== undefined || existsSync(socketFolder);
  if (!hadSocket && !existsSync(paths.root)) return { environment, items: [], kept: [] };
  endLeftovers(paths.census, paths.root);
  for (const path of [
    socketFolder,
    paths.lock,
    paths.census,
    paths.desired,
    paths.secrets,
    paths.logs,
    paths.runtime,
  ]) {
    rmSync(path, { recursive: true, force: true });
  }
  rmSync(paths.tombstone, { force: true });
  const port = before?.url === undefined ? undefined : Number(new URL(before.url).port);
  const replicas = before?.running.length ?? 0;
  return {
    environment,
    items: [
      ...(holder ? [{ what: 'the supervisor and its keeper', isGone: !isAlive(holder) }] : []),
      ...(replicas > 0
        ? [
            {
              what: `${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`,
              isGone: listLeftovers(paths.census, paths.root).length === 0,
            },
          ]
        : []),
      ...(port === undefined ? [] : [{ what: `the listener on 127.0.0.1:${port}`, isGone: isFree(port) }]),
      ...(hadSocket ? [{ what: 'the control socket', isGone: !existsSync(socketFolder) }] : []),
    ],
    kept: keptIn(paths),
  };
}

function keptIn({ root, releases, history }: Paths): readonly string[] {
  const count = existsSync(releases) ? readdirSync(releases).length : 0;
  if (!existsSync(history)) return [];
  return [`the history and ${count} ${count === 1 ? 'release' : 'releases'} in ${root}`];
}
