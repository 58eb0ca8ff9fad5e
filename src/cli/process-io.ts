import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { exitCodes, UserError } from '../core/errors.ts';
import { whyNotWritten } from '../core/why-not-written.ts';
import { type Io, inheritedEnv, type Stream } from './io.ts';
import { pause } from './pause.ts';
import { showUserError } from './terminal/show-error.ts';
import { makeStyle } from './terminal/style.ts';

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
  const output = watchOutput(process, gone);
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
  return { io, leave: (exitCode) => leave(process, io, output, exitCode) };
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

interface Output {
  /** The streams that have failed: they tell nobody that they end. */
  readonly failed: Set<NodeJS.WriteStream>;
  /** What kept the result from being written, where somebody still waits for it. */
  lost?: NodeJS.ErrnoException;
}

/**
 * When nobody reads, there is nothing more to say; but what the command does goes on, and ends with its own code. What
 * is said on stderr may be lost; a result that is lost is told when the command ends.
 */
function watchOutput({ stdout, stderr }: NodeJS.Process, gone: AbortController): Output {
  const output: Output = { failed: new Set() };
  for (const stream of [stdout, stderr]) stream.on('error', () => output.failed.add(stream));
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Of a terminal that is gone: EIO.
    if (error.code !== 'EPIPE' && error.code !== 'EIO') output.lost ??= error;
    gone.abort(new Error('nobody reads any more'));
  });
  return output;
}

/** Exits when all that was written has reached its reader. A result that has not is a failure. */
async function leave(process: NodeJS.Process, io: Io, output: Output, exitCode: number): Promise<void> {
  const { stdout, stderr } = process;
  // Where nothing is left to wait for, the process ends before the last line of this.
  process.exitCode = exitCode;
  await flush(stdout, output);
  const { lost } = output;
  if (lost) io.stderr.write(showLost(lost, process, io));
  await flush(stderr, output);
  process.exit(lost ? exitCode || exitCodes.failed : exitCode);
}

function showLost(cause: NodeJS.ErrnoException, { argv }: NodeJS.Process, io: Io): string {
  const error = new UserError({
    code: 'output_lost',
    message: `the result could not be written to stdout: ${whyNotWritten(cause) ?? cause.message}`,
    hint: 'what the command did is done; mend where stdout leads, then ask: causeway status',
    cause,
  });
  const style = makeStyle({ stream: io.stderr, env: io.env, isPlain: argv.includes('--no-color') });
  return style.spell(
    showUserError(error, { style, command: io.env.CAUSEWAY_COMMAND || 'causeway', place: io }),
  );
}

function flush(stream: NodeJS.WriteStream, { failed }: Output): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('error', () => resolve());
  stream.end(() => resolve());
  if (failed.has(stream)) resolve();
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
