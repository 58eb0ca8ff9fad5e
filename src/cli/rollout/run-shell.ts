import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { kill } from 'node:process';
import type { Readable } from 'node:stream';
import { type Io, inheritedEnv } from '../io.ts';

export interface ShellRun {
  /** A text is run by /bin/sh. */
  readonly command: string | readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Each line as it comes, for `--verbose`. */
  readonly onLine?: (line: string) => void;
}

export type ShellEnd =
  | {
      readonly kind: 'ended';
      readonly code: number | undefined;
      readonly how: string;
      readonly output: string;
    }
  | { readonly kind: 'timeout'; readonly output: string }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'notStarted'; readonly why: string };

/** After SIGTERM, and for output that a process outside the group still holds open. */
const graceMs = 2_000;
/** What is kept of the output, from its end. */
const mostCharacters = 1_000_000;

/**
 * Runs a command of the user's in a process group of its own, with this runtime first on PATH. When it ends,
 * is late or is no longer wanted, the whole group goes.
 */
export async function runShell(
  { command, folder, env, deadlineMs, signal, onLine }: ShellRun,
  io: Pick<Io, 'env' | 'runtime' | 'atExit'>,
): Promise<ShellEnd> {
  const [program = '/bin/sh', ...words] = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const child = spawn(program, words, {
    cwd: folder,
    env: { ...inheritedEnv(io), ...env, PATH: `${dirname(io.runtime)}${delimiter}${io.env.PATH ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = collect(child, onLine);
  const forget = io.atExit(() => killGroup(child, 'SIGKILL'));
  const cut = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const isUnwanted = stopWhen(cut, child);
  try {
    const end = await endOf(child);
    if (end.why !== undefined) return { kind: 'notStarted', why: end.why };
    if (!isUnwanted()) return { kind: 'ended', code: end.code, how: end.how, output: output() };
    return signal.aborted ? { kind: 'aborted' } : { kind: 'timeout', output: output() };
  } finally {
    forget();
  }
}

function collect({ stdout, stderr }: Child, onLine: ShellRun['onLine']): () => string {
  let kept = '';
  for (const stream of [stdout, stderr]) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      kept = `${kept}${text}`.slice(-mostCharacters);
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    });
  }
  return () => kept;
}

/** Asks the group to go when the signal comes, makes it go soon after, and says whether it came. */
function stopWhen(signal: AbortSignal, child: Child): () => boolean {
  let isCut = false;
  const stop = () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    isCut = true;
    killGroup(child, 'SIGTERM');
    const killer = setTimeout(() => killGroup(child, 'SIGKILL'), graceMs);
    child.once('exit', () => clearTimeout(killer));
  };
  signal.addEventListener('abort', stop, { once: true });
  child.once('exit', () => signal.removeEventListener('abort', stop));
  if (signal.aborted) stop();
  return () => isCut;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

interface End {
  readonly code: number | undefined;
  readonly how: string;
  readonly why?: string;
}

/** The end of the process, once its output is read to the end; what it left running in its group is killed. */
function endOf(child: Child): Promise<End> {
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ code: undefined, how: '', why: message }));
    child.once('exit', (code, signal) => {
      killGroup(child, 'SIGKILL');
      const end = { code: code ?? undefined, how: signal ? `signal ${signal}` : `exit code ${code}` };
      const patience = setTimeout(() => resolve(end), graceMs);
      child.once('close', () => {
        clearTimeout(patience);
        resolve(end);
      });
    });
  });
}

function killGroup({ pid }: Child, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    kill(-pid, signal);
  } catch {
    // The group is gone, which is what was wanted.
  }
}
