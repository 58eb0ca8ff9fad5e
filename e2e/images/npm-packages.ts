import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache-folder.ts';
import { mustRun } from './run-program.ts';

/** The folder, in the cache, whose `node_modules` hold what the lockfile in `from` names. */
export async function findNpmPackages(name: string, from: string): Promise<string> {
  const lock = readFileSync(join(from, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex').slice(0, 16);
  return cached(`${name}-${hash}`, async (cwd) => {
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(from, file), join(cwd, file));
    await mustRun(['npm', 'ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], { cwd });
  });
}
