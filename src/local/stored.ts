import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Config, parseConfig } from '../core/config.ts';
import { readIfThere, writeWhole } from './durable.ts';
import { parseJson } from './json.ts';
import { readLiveLock } from './lock.ts';
import { type PathsOptions, pathsIn, stateFolder } from './paths.ts';

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
  /** As it was when it was last rolled out. */
  readonly config: Config['environments'][string];
  readonly isRunning: boolean;
  readonly port: number | undefined;
}

/** Notes where an environment comes from, so that it can be found without its config. */
export function storeOrigin(
  root: string,
  about: Pick<StoredEnvironment, 'project' | 'folder' | 'name' | 'config'>,
): void {
  const { project, folder, name, config } = about;
  writeWhole(originFile(root), JSON.stringify({ project, folder, environment: name, config }));
}

/** The environments that this user ever made on this machine, those that are down included. */
export function listStored(env: PathsOptions['env']): readonly StoredEnvironment[] {
  const home = stateFolder(env);
  return namesIn(home).flatMap((name) => readStored(join(home, name)) ?? []);
}

/** The environment of this name that was made from the config in this folder. */
export function findStored(
  about: Pick<PathsOptions, 'folder' | 'env'> & { readonly name: string },
): StoredEnvironment | undefined {
  return listStored(about.env).find(({ folder, name }) => folder === about.folder && name === about.name);
}

function readStored(root: string): StoredEnvironment | undefined {
  const origin = originSchema.safeParse(parseJson(readIfThere(originFile(root)) ?? ''));
  if (!origin.success) return undefined;
  const { project, folder, environment: name, config } = origin.data;
  const lock = readLiveLock(pathsIn(root, ''));
  try {
    const environments = { [name]: config };
    const parsed = parseConfig({ project, service: { entry: 'unknown' }, environments }, originFile(root));
    const known = parsed.environments[name];
    return known && { project, folder, name, config: known, isRunning: lock !== undefined, port: lock?.port };
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
