import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A patch that breaks our own code, and the test that it must turn red. */
export interface Mutant {
  readonly name: string;
  readonly path: string;
  /** The test file. */
  readonly file: string;
  /** The title of the test in it. */
  readonly red: string;
}

/** All of them. Throws where one does not say which test it turns red. */
export function listMutants(): readonly Mutant[] {
  return readdirSync(import.meta.dir)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => readMutant(join(import.meta.dir, name), name.replace('.patch', '')));
}

/** Applies a patch to a copy of the tree. Throws where it no longer fits. */
export function applyPatch(path: string, tree: string, ...flags: readonly string[]): void {
  // Of a repository above it would only change what that tracks.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(tree) };
  const argv = ['git', 'apply', '--recount', ...flags, path];
  const { exitCode, stderr } = Bun.spawnSync(argv, { cwd: tree, env });
  if (exitCode !== 0) throw new Error(`${path} no longer applies; make its change again:\n${stderr}`);
}

function readMutant(path: string, name: string): Mutant {
  const [head = ''] = readFileSync(path, 'utf8').split('\n--- ');
  const [file, red] = ['Test', 'Red'].map((word) => new RegExp(`^${word}: (.+)$`, 'm').exec(head)?.[1]);
  if (file === undefined || red === undefined)
    throw new Error(`${path} does not say which test turns red: write Test: <file> and Red: <title>`);
  return { name, path, file, red };
}
