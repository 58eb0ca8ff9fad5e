import { mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, run } from '../../e2e/images/run-program.ts';
import { makeProject } from '../../e2e/local/project.ts';
import { findFreePort } from '../../src/local/free-port.ts';
import { endTree } from '../process-tree.ts';
import { proxyConfig } from './nginx.ts';
import type { PeerPrograms } from './programs.ts';

/** What is wrong with a release: nothing, or as app.cjs does it. */
export type Trouble = 'none' | 'crash' | 'never' | 'turns' | 'errors';

/** Something that keeps two copies of a service up, and rolls another version of it out. */
export interface Deployer extends AsyncDisposable {
  readonly port: number;
  /** Returns when the tool says that it is done; what it says. */
  readonly deploy: (version: string, trouble: Trouble) => Promise<string>;
}

export type MakeDeployer = (options: { programs: PeerPrograms; scratch: string }) => Promise<Deployer>;

/** The first version is `v0`. */
export const deployers: Readonly<Record<string, MakeDeployer>> = {
  'causeway deploy': byCauseway,
  'pm2 reload': byPm2,
  'nginx, own script': byNginx,
  'gunicorn, HUP': byGunicorn,
};

async function byCauseway({ programs }: Parameters<MakeDeployer>[0]): Promise<Deployer> {
  const project = await makeProject({
    service: {
      files: ['app.cjs'],
      command: [programs.node, 'app.cjs'],
      probes: { ready: '/readyz' },
      paths: ['/'],
    },
    // As it is when nothing is said.
    environment: { bake: '2s' },
    files: { 'app.cjs': source('app.cjs', 'v0', 'none') },
  });
  await project.causeway('up');
  return {
    port: project.port,
    async deploy(version, trouble) {
      project.write('app.cjs', source('app.cjs', version, trouble));
      const { exitCode, json } = await project.causeway('deploy', '--json');
      const verdict = json().record?.verdict;
      return `exit ${exitCode}, ${verdict?.kind === 'failed' ? verdict.cause : (verdict?.kind ?? '')}`;
    },
    [Symbol.asyncDispose]: () => project[Symbol.asyncDispose](),
  };
}

/** As its documentation has it for no downtime: a cluster whose members say when they are ready. */
async function byPm2({ programs, scratch }: Parameters<MakeDeployer>[0]): Promise<Deployer> {
  const folder = mkdtempSync(join(scratch, 'pm2-'));
  const script = join(folder, 'app.cjs');
  const port = findFreePort();
  const ecosystem = {
    apps: [
      {
        name: 'web',
        script,
        instances: 2,
        exec_mode: 'cluster',
        wait_ready: true,
        listen_timeout: 3_000,
        kill_timeout: 3_000,
        env: { PORT: String(port) },
      },
    ],
  };
  writeFileSync(join(folder, 'ecosystem.json'), JSON.stringify(ecosystem));
  const env = { PATH: '/usr/bin:/bin', HOME: folder, PM2_HOME: join(folder, 'home') };
  const pm2 = (...args: readonly string[]) =>
    run([programs.node, join(programs.nodeModules, 'pm2/bin/pm2'), ...args], {
      cwd: folder,
      env,
      bare: true,
    });
  put(script, source('app.cjs', 'v0', 'none'));
  await pm2('start', 'ecosystem.json');
  return {
    port,
    async deploy(version, trouble) {
      put(script, source('app.cjs', version, trouble));
      const { exitCode } = await pm2('reload', 'web');
      return `exit ${exitCode}`;
    },
    async [Symbol.asyncDispose]() {
      await pm2('kill');
    },
  };
}

/** A deploy script as people write it: start two new ones, wait for both, switch, stop the others. */
async function byNginx({ programs, scratch }: Parameters<MakeDeployer>[0]): Promise<Deployer> {
  const folder = mkdtempSync(join(scratch, 'nginx-'));
  const port = findFreePort();
  const config = join(folder, 'nginx.conf');
  const nginx = [programs.nginx, '-p', folder, '-c', config];
  let serving = await startTwo('v0', 'none');
  writeFileSync(config, proxyTo(serving));
  const front = spawn(nginx, { cwd: folder, env: programs.env });
  await answers(port, 5_000);
  return {
    port,
    async deploy(version, trouble) {
      const next = await startTwo(version, trouble);
      const areWell = await Promise.all(next.map((one) => answers(one.port, 5_000, '/readyz')));
      if (areWell.includes(false)) {
        await Promise.all(next.map(({ child }) => endTree(child)));
        return 'not switched';
      }
      put(config, proxyTo(next));
      await mustRun([...nginx, '-s', 'reload'], { env: programs.env });
      const before = serving;
      serving = next;
      await Bun.sleep(1_000);
      await Promise.all(before.map(({ child }) => endTree(child)));
      return 'switched';
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([front, ...serving.map(({ child }) => child)].map(endTree));
    },
  };

  async function startTwo(version: string, trouble: Trouble) {
    const script = join(folder, `${version}.cjs`);
    put(script, source('app.cjs', version, trouble));
    const two = [1, 2]
      .map(() => findFreePort())
      .map((port) => ({
        port,
        child: spawn([programs.node, script], { cwd: folder, env: { PORT: String(port) } }),
      }));
    if (version === 'v0') await Promise.all(two.map((one) => answers(one.port, 5_000)));
    return two;
  }

  function proxyTo(two: readonly { readonly port: number }[]): string {
    return proxyConfig({ port, upstreams: two.map((one) => one.port), connections: 32 });
  }
}

async function byGunicorn({ programs, scratch }: Parameters<MakeDeployer>[0]): Promise<Deployer> {
  const folder = mkdtempSync(join(scratch, 'gunicorn-'));
  const script = join(folder, 'release.py');
  const port = findFreePort();
  put(script, source('release.py', 'v0', 'none'));
  const argv = [programs.python, programs.gunicorn, `--bind=127.0.0.1:${port}`, '--workers=2', 'release:app'];
  const master = spawn(argv, { cwd: folder, env: { ...programs.env, PYTHONDONTWRITEBYTECODE: '1' } });
  await answers(port, 10_000);
  return {
    port,
    async deploy(version, trouble) {
      put(script, source('release.py', version, trouble));
      master.kill('SIGHUP');
      return 'says nothing';
    },
    [Symbol.asyncDispose]: () => endTree(master),
  };
}

function source(file: string, version: string, trouble: Trouble): string {
  const text = readFileSync(join(import.meta.dir, file), 'utf8');
  return text.replace('__VERSION__', version).replace('__TROUBLE__', trouble);
}

/** Whole at once: what reads it sees the old or the new one. */
function put(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function spawn(
  argv: readonly string[],
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> },
) {
  mkdirSync(cwd, { recursive: true });
  const log = Bun.file(join(cwd, 'out.log'));
  return Bun.spawn([...argv], {
    cwd,
    env: { PATH: '/usr/bin:/bin', HOME: cwd, ...env },
    stdio: ['ignore', log, log],
  });
}

async function answers(port: number, withinMs: number, path = '/'): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    const status = await fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return true;
    await Bun.sleep(10);
  }
  return false;
}
