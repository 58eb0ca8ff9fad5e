import { chmodSync, lstatSync, mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors.ts';
import { sha256 } from '../core/sha256.ts';
import { absolute, stateFolder } from '../core/state-folder.ts';

/** Where an environment of this machine keeps what it needs. */
export interface Paths {
  readonly root: string;
  readonly desired: string;
  readonly history: string;
  readonly lock: string;
  readonly census: string;
  /** While it is there, no supervisor comes back. */
  readonly tombstone: string;
  readonly artifacts: string;
  /** OCI layouts, each named after the index digest. */
  readonly images: string;
  /** Which engines replicas ran in. */
  readonly engines: string;
  readonly releases: string;
  readonly secrets: string;
  readonly logs: string;
  readonly runtime: string;
  readonly supervisorLog: string;
  readonly socket: string;
}

export interface PathsOptions {
  readonly project: string;
  /** The folder of the config, links resolved: two clones of a project are two environments. */
  readonly folder: string;
  readonly environment: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
}

/** Outside the working tree, so that `git clean`, another branch or `npm ci` never touch what serves. */
export function pathsOf({ project, folder, environment, env, uid }: PathsOptions): Paths {
  const hash = sha256(`${folder}\0${environment}`).slice(0, 10);
  const root = join(stateFolder(env), `${project}-${environment}-${hash}`);
  return pathsIn(root, join(socketFolder(root, env, uid), 'control.sock'));
}

export function pathsIn(root: string, socket: string): Paths {
  return {
    root,
    desired: join(root, 'desired.json'),
    history: join(root, 'history.jsonl'),
    lock: join(root, 'lock.json'),
    census: join(root, 'processes.json'),
    tombstone: join(root, 'down'),
    artifacts: join(root, 'artifacts'),
    images: join(root, 'images'),
    engines: join(root, 'engines.json'),
    releases: join(root, 'releases'),
    secrets: join(root, 'secrets'),
    logs: join(root, 'logs'),
    runtime: join(root, 'runtime'),
    supervisorLog: join(root, 'supervisor.log'),
    socket,
  };
}

/** A socket's path may have 104 bytes on macOS, so it lies in a short folder, named after the state folder. */
function socketFolder(root: string, env: PathsOptions['env'], uid: number): string {
  const name = sha256(root).slice(0, 10);
  const runtimeFolder = absolute(env.XDG_RUNTIME_DIR);
  const isShort = runtimeFolder !== undefined && Buffer.byteLength(runtimeFolder) < 60;
  return join(isShort ? join(runtimeFolder, 'causeway') : `/tmp/causeway-${uid}`, name);
}

/** Makes the socket's folder, its user's alone; refuses one that another user has laid there. */
export function makeSocketFolder(folder: string, uid: number): void {
  const home = join(folder, '..');
  for (const path of [home, folder]) {
    if (!lstatSync(path, { throwIfNoEntry: false })) mkdirSync(path, { recursive: true, mode: 0o700 });
    const found = lstatSync(path);
    if (!found.isDirectory() || found.uid !== uid) {
      throw new UserError({
        code: 'state_not_writable',
        message: `${path} ${found.isDirectory() ? 'belongs to another user' : 'is not a folder'}`,
        hint: 'export XDG_RUNTIME_DIR=<a folder of your own>',
      });
    }
    if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700);
  }
}

/** Removes the socket's folder, and the one above it where it holds no other. */
export function removeSocketFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  try {
    rmdirSync(join(folder, '..'));
  } catch {
    // Another environment's socket lies there, or nothing ever did.
  }
}
