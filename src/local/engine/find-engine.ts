import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import { type Platform, platforms } from '../../core/platform.ts';
import { sha256 } from '../../core/sha256.ts';
import { dockerFolder } from '../../image/registry/docker-config.ts';
import { errorCode } from '../durable.ts';
import { parseJson } from '../json.ts';
import { Engine, type EngineAbout } from './engine.ts';

export interface FoundEngine {
  readonly engine: Engine;
  readonly about: EngineAbout;
  /** What its containers run on. */
  readonly platform: Platform;
}

type Env = Readonly<Record<string, string | undefined>>;

/** One that is there answers at once; a command must not wait long for one that hangs. */
const lookMs = 5_000;

/**
 * The engine of this machine, where the docker command would look for it, then where engines usually are.
 * Throws `engine_missing` with what was tried and how to mend it.
 */
export async function findEngine(env: Env, signal?: AbortSignal): Promise<FoundEngine> {
  const failures: UserError[] = [];
  for (const socket of socketsOf(env)) {
    try {
      const engine = new Engine(socket);
      const about = await engine.about(signal, lookMs);
      return { engine, about, platform: platformOf(about, socket) };
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
      failures.push(error);
    }
  }
  // A socket that is there and does not let in says more than one that is not there.
  const told = failures.find(({ cause }) => !isAbsence(cause)) ?? failures[0];
  throw told ?? new Error('no place to look for an engine in');
}

function isAbsence(cause: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '');
}

function platformOf({ Os, Arch }: EngineAbout, socket: string): Platform {
  const platform = platforms.find((known) => known === `${Os}/${Arch}`);
  if (platform) return platform;
  throw new UserError({
    code: 'engine_missing',
    message: `the engine at ${socket} runs containers of ${Os}/${Arch}, and images are made for ${platforms.join(' and ')}`,
    hint: "use another engine: export DOCKER_HOST=unix://<socket>; or run processes: runner: 'process'",
  });
}

/** Chosen by the user, it is that one alone; else the first that answers. */
function socketsOf(env: Env): readonly string[] {
  const { DOCKER_HOST, XDG_RUNTIME_DIR, HOME } = env;
  if (DOCKER_HOST) return [socketIn(DOCKER_HOST, 'DOCKER_HOST', 'unset DOCKER_HOST')];
  const context = contextOf(env);
  if (context)
    return [socketIn(context.host, `the docker context ${context.name}`, 'docker context use default')];
  const runtime = XDG_RUNTIME_DIR && isAbsolute(XDG_RUNTIME_DIR) ? XDG_RUNTIME_DIR : undefined;
  return [
    '/var/run/docker.sock',
    ...(runtime ? [join(runtime, 'docker.sock')] : []),
    ...(HOME ? [join(HOME, '.docker', 'run', 'docker.sock')] : []),
    ...(runtime ? [join(runtime, 'podman', 'podman.sock')] : []),
    '/run/podman/podman.sock',
  ];
}

function socketIn(host: string, whose: string, mend: string): string {
  if (host.startsWith('unix://')) {
    const socket = host.slice('unix://'.length);
    if (isAbsolute(socket)) return socket;
    throw new UserError({
      code: 'engine_missing',
      message: `${whose} is ${host}, which names no socket by its whole path`,
      hint: `${mend}, or export DOCKER_HOST=unix:///var/run/docker.sock`,
    });
  }
  throw new UserError({
    code: 'engine_missing',
    message: `${whose} is ${host}: replicas are reached on this machine's loopback, so its own engine is needed, behind a socket`,
    hint: `${mend}, or export DOCKER_HOST=unix:///var/run/docker.sock`,
  });
}

const configSchema = z.object({ currentContext: z.string().optional() });
const metaSchema = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string() }) }) });

/** The endpoint that `docker context use` chose; none for the default. One that cannot be read is no reason for another. */
function contextOf(env: Env): { readonly name: string; readonly host: string } | undefined {
  const folder = dockerFolder(env);
  // As the docker command takes it: a config that cannot be read chooses nothing.
  const config = configSchema.safeParse(read(join(folder, 'config.json')).value);
  const name = env.DOCKER_CONTEXT || config.data?.currentContext;
  if (!name || name === 'default') return undefined;
  const hash = sha256(name);
  const path = join(folder, 'contexts', 'meta', hash, 'meta.json');
  const { value, because } = read(path);
  const meta = metaSchema.safeParse(value);
  if (meta.success) return { name, host: meta.data.Endpoints.docker.Host };
  throw new UserError({
    code: 'engine_missing',
    message: `the docker context ${name} is chosen, and ${path} ${because ?? 'names no endpoint'}`,
    hint: 'docker context ls shows those there are; choose one: docker context use <name>',
  });
}

function read(path: string): { readonly value?: unknown; readonly because?: string } {
  try {
    return { value: parseJson(readFileSync(path, 'utf8')) };
  } catch (error) {
    const code = errorCode(error);
    return { because: code === 'ENOENT' ? 'is not there' : `cannot be read (${code})` };
  }
}
