import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Receipt, Status } from '../core/environment.ts';
import { isAlive, type ProcessIdentity } from './birth.ts';
import { writeWhole } from './durable.ts';
import { isFree } from './free-port.ts';
import { readLiveLock } from './lock.ts';
import type { Paths } from './paths.ts';
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

/** Removes what a supervisor left, and looks whether all is gone. History and good releases are kept. */
export function clearAway(paths: Paths, environment: string, before: Status | undefined): Receipt {
  if (!existsSync(paths.root)) return { environment, items: [], kept: [] };
  writeWhole(paths.tombstone, '');
  endLeftovers(paths.census, paths.root);
  const socketFolder = dirname(paths.socket);
  const hadSocket = existsSync(socketFolder);
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
      ...(before
        ? [{ what: 'the supervisor and its keeper', isGone: readLiveLock(paths) === undefined }]
        : []),
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
