import { isatty } from 'node:tty';
import { UserError } from '../core/errors.ts';
import { type ContainerOptions, containerSpec } from './engine/container-spec.ts';
import { Engine } from './engine/engine.ts';
import type { OneOffStart } from './protocol.ts';

export interface RunInTerminalOptions {
  readonly start: OneOffStart;
  readonly command: readonly string[];
  /** Of the shell. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly trace: (line: string) => void;
  /** Ends the command. */
  readonly signal: AbortSignal;
}

/** Runs a command of the user's as a replica is run, with the terminal's input and output; its exit code. */
export function runInTerminal(options: RunInTerminalOptions): Promise<number> {
  const { start } = options;
  return start.kind === 'process' ? runProcess(options, start) : runContainer(options, start);
}

type Start<Kind extends OneOffStart['kind']> = Extract<OneOffStart, { kind: Kind }>;

async function runProcess(
  { command, env: outer, trace, signal }: RunInTerminalOptions,
  { workingFolder, env }: Start<'process'>,
): Promise<number> {
  const [program = '', ...args] = command;
  const found = Bun.which(program, { PATH: env.PATH ?? '', cwd: workingFolder });
  if (!found) throw notFound(`${program || "''"} was not found, neither on PATH nor in the artifact`);
  trace(`start ${command.join(' ')} in ${workingFolder}`);
  const child = Bun.spawn([found, ...args], {
    cwd: workingFolder,
    env: { ...env, TERM: outer.TERM ?? '' },
    stdio: ['inherit', 'inherit', 'inherit'],
  });
  // A Ctrl-C reaches it by itself, and a prompt of its own may live on.
  const pass = () => {
    if (!String(signal.reason).includes('SIGINT')) child.kill('SIGTERM');
  };
  signal.addEventListener('abort', pass);
  return child.exited.finally(() => signal.removeEventListener('abort', pass));
}

/** How long one may take to leave that was asked to: the first process of a container may not hear it. */
const leaveMs = 5_000;

/** The docker command is the one thing that joins a terminal to a container. */
async function runContainer(
  { command, env, trace, signal }: RunInTerminalOptions,
  { socket, name, container }: Start<'container'>,
): Promise<number> {
  const docker = Bun.which('docker', { PATH: env.PATH ?? '' });
  if (!docker) {
    throw new UserError({
      code: 'one_off_failed',
      message: 'the docker command was not found, which joins a terminal to a container',
      hint: 'sudo apt-get install docker.io, or put docker on PATH',
    });
  }
  const engine = new Engine(socket);
  const id = await engine.create(name, specOf(container, command, env.TERM));
  trace(`docker start --attach --interactive ${name}`);
  const child = Bun.spawn([docker, 'start', '--attach', '--interactive', id], {
    env: {
      PATH: env.PATH ?? '',
      HOME: env.HOME ?? '/',
      TERM: env.TERM ?? '',
      DOCKER_HOST: `unix://${socket}`,
    },
    stdio: ['inherit', 'inherit', 'inherit'],
  });
  let force: Timer | undefined;
  const end = () => {
    void engine.kill(id, 'SIGTERM').catch(() => undefined);
    force = setTimeout(() => void engine.kill(id, 'SIGKILL').catch(() => undefined), leaveMs);
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end);
  try {
    const exit = await child.exited;
    await refuseUnstarted(engine, id, command);
    return exit;
  } finally {
    signal.removeEventListener('abort', end);
    clearTimeout(force);
    await engine.remove(id).catch(() => undefined);
  }
}

/** The docker command ends with 1 then, as the command itself may. */
async function refuseUnstarted(engine: Engine, id: string, [program]: readonly string[]): Promise<void> {
  const { State } = await engine.inspect(id);
  if (State.Status === 'created')
    throw notFound(`${program || "''"} could not be started, neither from PATH nor from the image`);
}

function specOf(
  container: Pick<ContainerOptions, 'image' | 'env' | 'labels'>,
  command: readonly string[],
  term: string | undefined,
) {
  const isTerminal = isatty(0) && isatty(1);
  const env = isTerminal ? { ...container.env, TERM: term ?? '' } : container.env;
  const spec = containerSpec({ ...container, env, command });
  return {
    ...spec,
    Tty: isTerminal,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  };
}

function notFound(message: string): UserError {
  return new UserError({
    code: 'one_off_failed',
    message,
    hint: 'give the program and its arguments after --',
  });
}
