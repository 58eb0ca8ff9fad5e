import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import shipped from '../../causeway.config.ts';
import { bundleEntry } from '../../src/image/bundle-entry.ts';
import type { Server } from '../server.ts';
import { nginxConfig, staticAnswer } from './nginx.ts';
import type { PeerPrograms } from './programs.ts';

export interface MakeServersOptions {
  readonly repository: string;
  /** Empty, or not there. */
  readonly folder: string;
  readonly programs: PeerPrograms;
  /** Where all of them answer, in turn. */
  readonly port: number;
}

/** One server with its access log, and without. */
export interface Compared {
  readonly name: string;
  readonly withLog?: Server;
  readonly withoutLog?: Server;
}

/** Those that others are measured by. */
export const names = {
  ours: 'Causeway’s service',
  nginx: 'nginx, static answer',
  flask: 'Flask, gunicorn',
} as const;

/** The reference service, and what a user would write or run instead, all with the same contract. */
export async function makeServers(options: MakeServersOptions): Promise<readonly Compared[]> {
  const { folder, programs } = options;
  mkdirSync(folder, { recursive: true });
  symlinkSync(programs.nodeModules, join(folder, 'node_modules'));
  for (const file of ['app.py', 'bun.mjs', 'fastify.mjs', 'hono.mjs']) {
    copyFileSync(join(import.meta.dir, file), join(folder, file));
  }
  const bun = [process.execPath, '--no-install', '--no-env-file'];
  return [
    await makeOurs(options),
    {
      name: names.nginx,
      withLog: makeNginx('log', 'access_log access.log combined;', options),
      withoutLog: makeNginx('no-log', 'access_log off;', options),
    },
    {
      name: 'nginx, its log buffered',
      withLog: makeNginx('buffered', 'access_log access.log combined buffer=64k flush=100ms;', options),
    },
    { name: 'Bun.serve alone', withoutLog: { name: 'Bun.serve alone', argv: [...bun, 'bun.mjs'] } },
    logging('Hono on Bun', { argv: [...bun, 'hono.mjs'], env: { NODE_ENV: 'production' } }),
    logging('Fastify on Node', { argv: [programs.node, 'fastify.mjs'], env: { NODE_ENV: 'production' } }),
    makeGunicorn('Flask, gunicorn, 8 threads', ['--worker-class=gthread', '--threads=8'], options),
    makeGunicorn(names.flask, [], options),
  ];
}

/** As it lies in its image and runs there. */
export async function makeOurs({ repository, folder }: Pick<MakeServersOptions, 'repository' | 'folder'>) {
  const { files } = await bundleEntry('service/src/main.ts', repository);
  for (const { path, content } of files) {
    if (!(content instanceof Uint8Array)) continue;
    const whole = join(folder, 'service', path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, content);
  }
  const argv = [process.execPath, '--no-install', '--no-env-file', join(folder, 'service', 'main.js')];
  const env = { ...shipped.service.env, HOST: '127.0.0.1', DRAIN_SECONDS: '0' };
  const name = names.ours;
  return {
    name,
    withLog: { name, argv, env },
    withoutLog: { name, argv, env: { ...env, ACCESS_LOG: 'off' } },
  };
}

function logging(name: string, { argv, env }: Pick<Server, 'argv' | 'env'>): Compared {
  return {
    name,
    withLog: { name, argv, env: { ...env, LOG: 'on' } },
    withoutLog: { name, argv, env: { ...env } },
  };
}

function makeNginx(what: string, log: string, { folder, programs, port }: MakeServersOptions): Server {
  const file = join(folder, `nginx-${what}.conf`);
  writeFileSync(file, nginxConfig({ port, server: staticAnswer, http: [log] }));
  return { name: 'nginx', argv: [programs.nginx, '-p', folder, '-c', file], env: programs.env };
}

function makeGunicorn(
  name: string,
  more: readonly string[],
  { programs, port }: MakeServersOptions,
): Compared {
  const { python, gunicorn, env } = programs;
  const argv = [python, gunicorn, `--bind=127.0.0.1:${port}`, '--workers=1', ...more];
  return {
    name,
    withLog: { name, argv: [...argv, '--access-logfile=-', 'app:app'], env },
    withoutLog: { name, argv: [...argv, 'app:app'], env },
  };
}
