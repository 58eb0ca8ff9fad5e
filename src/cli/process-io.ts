import { spawn, spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import type { Io, Stream } from './io.ts';

/** The world of a real process, and how to leave it with what was written still reaching its reader. */
export function processIo(
  process: NodeJS.Process,
  { openEnvironment, listStored }: Pick<Io, 'openEnvironment' | 'listStored'>,
): { readonly io: Io; readonly leave: (exitCode: number) => void } {
  const { env, stdout, stderr } = process;
  const leaving = new Set<() => void>();
  process.on('exit', () => {
    for (const callback of leaving) callback();
  });
  endQuietlyWithReader(process);
  const io: Io = {
    stdout: toStream(stdout),
    stderr: toStream(stderr),
    env,
    cwd: process.cwd(),
    get user() {
      return `${userName(env)}@${hostname()}`;
    },
    uid: process.getuid?.() ?? 0,
    runtime: process.execPath,
    signal: onInterrupt(process),
    now: () => Date.now(),
    every(ms, callback) {
      const timer = setInterval(callback, ms);
      return () => clearInterval(timer);
    },
    atExit(callback) {
      leaving.add(callback);
      return () => leaving.delete(callback);
    },
    pause: () => pause(process.stdin),
    browse: (url) => browse(url, process.platform),
    openEnvironment,
    listStored,
  };
  return { io, leave: (exitCode) => stdout.write('', () => stderr.write('', () => process.exit(exitCode))) };
}

function toStream(stream: NodeJS.WriteStream): Stream {
  return {
    write: (text) => stream.write(text),
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || 80;
    },
  };
}

/** `causeway logs | head`: when nobody reads, there is nothing more to say. */
function endQuietlyWithReader(process: NodeJS.Process): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
}

/** The first Ctrl-C lets the command say what is left; a second one leaves at once. */
function onInterrupt(process: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Error(`interrupted by ${name}`));
    });
  }
  return controller.signal;
}

const pauseMs = 3_000;

function pause(stdin: NodeJS.ReadStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (!stdin.isTTY) setTimeout(resolve, pauseMs);
  else {
    stdin.resume();
    stdin.once('data', () => {
      stdin.pause();
      resolve();
    });
  }
  return promise;
}

/** Bun knows a user by `USER` alone, which is not set in most containers. */
function userName({ USER, LOGNAME }: NodeJS.ProcessEnv): string {
  if (USER || LOGNAME) return USER || LOGNAME || '';
  const { stdout, status } = spawnSync('id', ['-un'], { encoding: 'utf8' });
  return (status === 0 && stdout.trim()) || 'somebody';
}

function browse(url: string, platform: NodeJS.Platform): void {
  const child = spawn(platform === 'darwin' ? 'open' : 'xdg-open', [url], {
    detached: true,
    stdio: 'ignore',
  });
  child.on('error', () => {});
  child.unref();
}
