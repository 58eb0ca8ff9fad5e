import { join } from 'node:path';
import { findNpmPackages } from '../../e2e/images/npm-packages.ts';
import { findPrograms } from '../../e2e/images/programs.ts';

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
  const nodeModules = join(await findNpmPackages('bench-peers', import.meta.dir), 'node_modules');
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
