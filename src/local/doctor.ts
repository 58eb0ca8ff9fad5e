import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LocalConfig } from '../core/config.ts';
import { UserError } from '../core/errors.ts';
import type { Finding } from '../core/target.ts';
import type { ControlClient } from './control-client.ts';
import { findEngine } from './engine/find-engine.ts';
import { isFree } from './free-port.ts';
import type { Paths } from './paths.ts';
import { portBusy, type WantedPort } from './port-busy.ts';
import { protocol } from './protocol.ts';

export interface CheckLocalOptions {
  readonly paths: Paths;
  readonly name: string;
  readonly project: string;
  /** The folder of the config. */
  readonly folder: string;
  readonly config: LocalConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly client: ControlClient;
}

/** What the local target needs: a folder that can be written, an address, a supervisor of this version, and for containers an engine. */
export async function checkLocal({
  paths,
  name,
  project,
  folder,
  config,
  env,
  client,
}: CheckLocalOptions): Promise<readonly Finding[]> {
  const hello = await client.hello().catch(toFinding);
  const isSilent = hello !== undefined && 'isProblem' in hello;
  return [
    checkFolder(paths),
    checkAddress({ port: config.port, project, environment: name, folder, env }, hello !== undefined),
    isSilent ? hello : checkSupervisor(hello?.protocol, name),
    ...(config.runner === 'container' ? [await checkEngine(env), checkDocker(env)] : []),
  ];
}

/** A supervisor that hangs, or an engine that is away, is something to mend too. */
function toFinding(error: unknown): Finding {
  if (!(error instanceof UserError)) throw error;
  return { isProblem: true, message: error.message, hint: error.hint };
}

function checkFolder({ root }: Paths): Finding {
  const folder = nearestFolder(root);
  try {
    accessSync(folder, constants.W_OK);
    return { isProblem: false, message: `state is kept in ${root}`, hint: '' };
  } catch {
    return {
      isProblem: true,
      message: `${folder} cannot be written`,
      hint: 'mend its rights, or keep the state elsewhere: export XDG_STATE_HOME=<folder>',
    };
  }
}

function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}

function checkAddress(wanted: WantedPort, isRunning: boolean): Finding {
  const { port } = wanted;
  if (isRunning || isFree(port)) {
    return { isProblem: false, message: `127.0.0.1:${port} is ${isRunning ? 'ours' : 'free'}`, hint: '' };
  }
  return { isProblem: true, ...portBusy(wanted) };
}

function checkSupervisor(spoken: number | undefined, name: string): Finding {
  if (spoken === undefined) return { isProblem: false, message: 'no supervisor runs yet', hint: '' };
  if (spoken === protocol) return { isProblem: false, message: 'the supervisor answers', hint: '' };
  return {
    isProblem: true,
    message: `the supervisor speaks protocol ${spoken}, this command ${protocol}`,
    hint: `causeway up ${name} replaces it`,
  };
}

async function checkEngine(env: CheckLocalOptions['env']): Promise<Finding> {
  try {
    const { about, engine } = await findEngine(env);
    const message = `the Docker engine ${about.Version} answers at ${engine.socket}`;
    return { isProblem: false, message, hint: '' };
  } catch (error) {
    return toFinding(error);
  }
}

/** `run` alone needs it, to join the terminal to a container. */
function checkDocker({ PATH = '' }: CheckLocalOptions['env']): Finding {
  const docker = Bun.which('docker', { PATH });
  if (docker) return { isProblem: false, message: `docker: ${docker}; causeway run needs it`, hint: '' };
  return {
    isProblem: true,
    message: 'the docker command is not on PATH; causeway run needs it, and nothing else does',
    hint: 'sudo apt-get install docker.io, or put docker on PATH',
  };
}
