import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Io, inheritedEnv, type Stream } from './io.ts';
import { pause } from './pause.ts';

/** The world of a real process, and how to leave it with what was written still reaching its reader. */
export function processIo(
  process: NodeJS.Process,
  { openEnvironment, listStored, publishAgent }: Pick<Io, 'openEnvironment' | 'listStored' | 'publishAgent'>,
): { readonly io: Io; readonly leave: (exitCode: number) => void } {
  const { env, stdout, stderr } = process;
  const home = join(import.meta.dir, '..', '..');
  const leaving = new Set<() => void>();
  process.on('exit', () => {
    for (const callback of leaving) callback();
  });
  const gone = new AbortController();
  stayQuietWithoutReader(process, gone);
  const signal = onInterrupt(process);
  const io: Io = {
    stdout: toStream(stdout),
    stderr: toStream(stderr),
    env,
    cwd: process.cwd(),
    home,
    docs: join(home, 'docs'),
    get user() {
      return `${userName(env, process.getuid?.())}@${hostname()}`;
    },
    uid: process.getuid?.() ?? 0,
    runtime: process.execPath,
    signal,
    gone: gone.signal,
    now: () => Date.now(),
    every(ms, callback) {
      const timer = setInterval(callback, ms);
      return () => clearInterval(timer);
    },
    atExit(callback) {
      leaving.add(callback);
      return () => leaving.delete(callback);
    },
    pause: () => pause(process.stdin, signal),
    ask: process.stdin.isTTY && stderr.isTTY ? (question) => ask(question, process, signal) : undefined,
    browse: (url) => void browse(url, process),
    openEnvironment,
    listStored,
    publishAgent,
  };
  return { io, leave: (exitCode) => leave(process, exitCode) };
}

function toStream(stream: NodeJS.WriteStream): Stream {
  return {
    write: (text) => stream.write(text),
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || undefined;
    },
  };
}

/** When nobody reads, there is nothing more to say; but what the command does goes on, and ends with its own code. */
function stayQuietWithoutReader({ stdout, stderr }: NodeJS.Process, gone: AbortController): void {
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Of a terminal that is gone: EIO.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
      if (stream === stdout) gone.abort(new Error('nobody reads any more'));
    });
  }
}

/** Exits when all that was written has reached its reader. */
async function leave(process: NodeJS.Process, exitCode: number): Promise<void> {
  const { stdout, stderr } = process;
  await Promise.all([stdout, stderr].map(flush));
  process.exit(exitCode);
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('error', () => resolve());
  stream.end(() => resolve());
  return promise;
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

/** On stderr: stdout is for the result. What cannot be answered any more is answered by nothing. */
async function ask(
  question: string,
  { stdin, stderr }: NodeJS.Process,
  signal: AbortSignal,
): Promise<string> {
  const { createInterface } = await import('node:readline');
  const lines = createInterface({ input: stdin, output: stderr });
  const { promise, resolve } = Promise.withResolvers<string>();
  lines.question(question, resolve);
  lines.once('close', () => resolve(''));
  // A terminal that is gone tells it by a signal alone, and stays readable for ever.
  signal.addEventListener('abort', () => resolve(''), { once: true });
  const answer = await promise;
  lines.close();
  return answer.trim();
}

/** Bun knows a user by `USER` alone, which is not set in most containers; the rest cost a process more. */
function userName({ USER, LOGNAME }: NodeJS.ProcessEnv, uid: number | undefined): string {
  return USER || LOGNAME || nameInPasswd(uid) || 'somebody';
}

function nameInPasswd(uid: number | undefined): string | undefined {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find(([, , number]) => number === String(uid))?.[0];
  } catch {
    return undefined;
  }
}

async function browse(url: string, { env, platform }: NodeJS.Process): Promise<void> {
  const { spawn } = await import('node:child_process');
  const child = spawn(platform === 'darwin' ? 'open' : 'xdg-open', [url], {
    env: inheritedEnv({ env }),
    detached: true,
    stdio: 'ignore',
  });
  child.on('error', () => {});
  child.unref();
}
