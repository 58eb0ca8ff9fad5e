import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../../src/local/free-port.ts';
import { until } from '../local/project.ts';
import { findPrograms, type Programs } from './programs.ts';
import { withTests } from './run-program.ts';

export interface Account {
  readonly username: string;
  readonly password: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:40000` */
  readonly host: string;
  /** Asks its API, with the account it was started with. */
  readonly ask: (path: string, init?: Asked) => Promise<Response>;
}

export function findRegistry(): Promise<Programs> {
  return findPrograms(['docker-registry'], ['docker-registry']);
}

/** Debian's docker-registry on loopback, with storage of its own; with an account, nobody else is let in. */
export async function startRegistry(programs: Programs, account?: Account): Promise<Registry> {
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-registry-'));
  const host = `127.0.0.1:${findFreePort()}`;
  const config = join(folder, 'config.yml');
  writeFileSync(config, await configOf(folder, host, account));
  const log = Bun.file(join(folder, 'log'));
  const registry = Bun.spawn([...withTests([programs.path('docker-registry'), 'serve', config])], {
    env: { ...process.env, ...programs.env },
    stdio: ['ignore', log, log],
  });
  const headers: Record<string, string> = account ? { authorization: basic(account) } : {};
  const ask = (path: string, init?: Asked) =>
    fetch(`http://${host}${path}`, { ...init, headers: { ...headers, ...init?.headers } });

  await until('the registry answers', async () => {
    if (registry.exitCode !== null) throw new Error(`docker-registry ended: ${await log.text()}`);
    return ask('/v2/').then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return {
    host,
    ask,
    async [Symbol.asyncDispose]() {
      registry.kill();
      await registry.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function configOf(folder: string, host: string, account: Account | undefined): Promise<string> {
  const lines = [
    'version: 0.1',
    'log: { level: warn, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${folder}/data }, delete: { enabled: true } }`,
    `http: { addr: '${host}', secret: for-tests }`,
  ];
  if (account) {
    const hash = await Bun.password.hash(account.password, { algorithm: 'bcrypt', cost: 5 });
    writeFileSync(join(folder, 'htpasswd'), `${account.username}:${hash}\n`);
    lines.push(`auth: { htpasswd: { realm: tests, path: ${folder}/htpasswd } }`);
  }
  return `${lines.join('\n')}\n`;
}

function basic({ username, password }: Account): string {
  return `Basic ${btoa(`${username}:${password}`)}`;
}
