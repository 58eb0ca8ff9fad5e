import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../local/project.ts';
import { findPrograms, type Programs } from './programs.ts';
import { asRoot, mayBeRoot, mustRun, type Ran, run, withTests } from './run-program.ts';

export interface Engine extends AsyncDisposable {
  /** Its socket's path. */
  readonly socket: string;
  /** For whoever looks for an engine: `unix://…`. */
  readonly dockerHost: string;
  /** Asks its API. */
  readonly ask: (path: string, init?: BunFetchRequestInit) => Promise<Response>;
  /** Debian's command line for it; variables of the environment may come first. */
  readonly docker: (...args: readonly [Variables | string, ...string[]]) => Promise<Ran>;
}

type Variables = Readonly<Record<string, string>>;

export async function findEngine(): Promise<Programs> {
  const programs = await findPrograms(
    ['dockerd', 'docker', 'containerd', 'runc', 'docker-proxy', 'ip'],
    ['docker.io', 'docker-cli', 'containerd', 'runc', 'iproute2'],
  );
  if (!(await mayBeRoot())) throw new Error('an engine is started by root, and sudo asks for a password');
  return programs;
}

/**
 * Debian's engine, with data, socket and bridge of its own, so that one that the machine has is not touched;
 * nor is its firewall. What it runs and holds goes with it.
 */
export async function startEngine(programs: Programs): Promise<Engine> {
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-engine-'));
  const socket = join(folder, 'docker.sock');
  const dockerHost = `unix://${socket}`;
  const env = { ...process.env, ...programs.env, DOCKER_HOST: dockerHost, DOCKER_CONFIG: folder };
  const bridge = await makeBridge(programs);
  const log = Bun.file(join(folder, 'log'));
  const engine = Bun.spawn(
    [
      ...asRoot([
        'env',
        ...Object.entries(programs.env).map(([name, value]) => `${name}=${value}`),
        ...withTests([programs.path('dockerd')]),
        `--data-root=${folder}/data`,
        `--exec-root=${folder}/exec`,
        `--pidfile=${folder}/pid`,
        `--host=${dockerHost}`,
        `--group=${process.getgid?.() ?? 0}`,
        `--bridge=${bridge.name}`,
        '--iptables=false',
        '--ip6tables=false',
        '--ip-masq=false',
        `--userland-proxy-path=${programs.path('docker-proxy')}`,
      ]),
    ],
    { env, stdio: ['ignore', log, log] },
  );
  const ask = (path: string, init?: BunFetchRequestInit) =>
    fetch(`http://engine${path}`, { ...init, unix: socket });

  try {
    await until('the engine answers', async () => {
      if (engine.exitCode !== null) throw new Error(`dockerd ended: ${(await log.text()).slice(-500)}`);
      return (
        existsSync(socket) &&
        (await ask('/_ping').then(
          ({ ok }) => ok,
          () => false,
        ))
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    socket,
    dockerHost,
    ask,
    docker(first, ...args) {
      const [more, words] = typeof first === 'string' ? [{}, [first]] : [first, []];
      return run([programs.path('docker'), ...words, ...args], { env: { ...env, ...more } });
    },
    async [Symbol.asyncDispose]() {
      const all = await ask('/containers/json?all=1');
      for (const { Id } of (await all.json()) as readonly { Id: string }[]) {
        await ask(`/containers/${Id}?force=1`, { method: 'DELETE' });
      }
      await stop();
    },
  };

  async function stop(): Promise<void> {
    const pid = existsSync(join(folder, 'pid')) ? readFileSync(join(folder, 'pid'), 'utf8').trim() : '';
    if (pid !== '' && engine.exitCode === null) await run(asRoot(['kill', pid]));
    await engine.exited;
    await run(asRoot([programs.path('ip'), 'link', 'delete', bridge.name]));
    await run(asRoot(['umount', ...mountsBelow(folder)]));
    await mustRun(asRoot(['rm', '-rf', folder]));
  }
}

/** With a subnet that no route of this machine has. */
async function makeBridge({ path, env }: Programs): Promise<{ readonly name: string }> {
  const ip = path('ip');
  const taken = (await run([ip, 'route'], { env })).stdout;
  const bridges = new Set(readdirSync('/sys/class/net'));
  for (let n = process.pid % 200; ; n = (n + 1) % 200) {
    const name = `cwtest${n}`;
    if (bridges.has(name) || taken.includes(`10.211.${n}.`)) continue;
    const added = await run(asRoot([ip, 'link', 'add', 'name', name, 'type', 'bridge']), { env });
    if (added.exitCode !== 0) throw new Error(`no bridge for the engine: ${added.stderr.trim()}`);
    await mustRun(asRoot([ip, 'address', 'add', `10.211.${n}.1/24`, 'dev', name]), { env });
    await mustRun(asRoot([ip, 'link', 'set', name, 'up']), { env });
    return { name };
  }
}

function mountsBelow(folder: string): readonly string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(folder))
    .sort()
    .reverse();
}
