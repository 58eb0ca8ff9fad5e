import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Config, type EnvironmentConfig, parseConfig } from '../core/config.ts';
import { stateFolder } from '../core/state-folder.ts';
import { readIfThere, writeWhole } from './durable.ts';
import { parseJson } from './json.ts';
import { readLiveLock } from './lock.ts';
import { type PathsOptions, pathsIn } from './paths.ts';

const originSchema = z.object({
  project: z.string(),
  folder: z.string(),
  environment: z.string(),
  config: z.unknown(),
});

/** An environment as its state folder knows it, whatever became of the project's folder and config. */
export interface StoredEnvironment {
  readonly project: string;
  /** The folder of the config that it was made from. */
  readonly folder: string;
  readonly name: string;
  /** With the environment as it was when it was last made or rolled out; of the service it says nothing. */
  readonly config: Config;
  readonly isRunning: boolean;
  readonly port: number | undefined;
}

interface Origin extends Pick<StoredEnvironment, 'project' | 'folder' | 'name'> {
  readonly config: EnvironmentConfig;
}

/** Notes where an environment comes from, so that it can be found without its config. */
export function storeOrigin(root: string, about: Origin): void {
  const { project, folder, name, config } = about;
  writeWhole(originFile(root), JSON.stringify({ project, folder, environment: name, config }));
}

/** The environments that this user ever made on this machine, those that are down included. */
export function listStored(env: PathsOptions['env']): readonly StoredEnvironment[] {
  const home = stateFolder(env);
  return namesIn(home).flatMap((name) => readStored(join(home, name)) ?? []);
}

function readStored(root: string): StoredEnvironment | undefined {
  const origin = originSchema.safeParse(parseJson(readIfThere(originFile(root)) ?? ''));
  if (!origin.success) return undefined;
  const { project, folder, environment: name, config } = origin.data;
  const lock = readLiveLock(pathsIn(root, ''));
  try {
    const exported = { project, service: { entry: 'unknown' }, environments: { [name]: config } };
    const known = parseConfig(exported, originFile(root));
    return { project, folder, name, config: known, isRunning: lock !== undefined, port: lock?.port };
  } catch {
    // Another version's, or damaged.
    return undefined;
  }
}

function originFile(root: string): string {
  return join(root, 'origin.json');
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
