import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../../e2e/images/cache-folder.ts';
import { findPrograms } from '../../e2e/images/programs.ts';
import { mustRun } from '../../e2e/images/run-program.ts';

/** What Causeway is compared with, and what it is measured with. */
export interface PeerPrograms {
  readonly nginx: string;
  readonly wrk: string;
  readonly python: string;
  /** A Python script. */
  readonly gunicorn: string;
  readonly node: string;
  /** Where fastify, hono and pm2 lie, as the lockfile beside this file pins them. */
  readonly nodeModules: string;
  /** What Debian's programs need beside the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Nothing is installed on the system: Debian's and npm's packages lie in the tests' cache. */
export async function findPeerPrograms(): Promise<PeerPrograms> {
  const debian = await findPrograms(
    ['nginx', 'wrk', 'gunicorn', 'flask'],
    ['nginx', 'wrk', 'python3', 'gunicorn', 'python3-flask'],
  );
  const nodeModules = join(await installPackages(), 'node_modules');
  const gunicorn = debian.path('gunicorn');
  return {
    nginx: debian.path('nginx'),
    wrk: debian.path('wrk'),
    // Its packages are made for Debian's own Python.
    python: debian.path('python3'),
    gunicorn,
    node: join(nodeModules, `node-linux-${process.arch}`, 'bin', 'node'),
    nodeModules,
    env: { ...debian.env, PYTHONPATH: join(gunicorn, '../../lib/python3/dist-packages') },
  };
}

async function installPackages(): Promise<string> {
  const lock = readFileSync(join(import.meta.dir, 'package-lock.json'));
  const hash = new Bun.CryptoHasher('sha256').update(lock).digest('hex').slice(0, 16);
  return cached(`bench-peers-${hash}`, async (folder) => {
    for (const file of ['package.json', 'package-lock.json']) {
      copyFileSync(join(import.meta.dir, file), join(folder, file));
    }
    await mustRun(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  });
}
