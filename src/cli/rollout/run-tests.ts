import type { Config } from '../../core/config.ts';
import { type Duration, showMs, toMs } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { Interrupted } from '../interrupted.ts';
import type { Board } from '../terminal/board.ts';
import { namePathsOnce } from '../terminal/name-paths-once.ts';
import { stripEscapes } from '../terminal/style.ts';
import { countTests } from './count-tests.ts';
import { runShell } from './run-shell.ts';

const shownLines = 200;

export interface TestRun {
  readonly test: Config['service']['test'];
  readonly folder: string;
  readonly deadline: Duration;
  /** What is not done if they fail: `nothing was rolled out`. */
  readonly otherwise: string;
}

export interface Tested {
  readonly command: readonly string[];
  /** How many, where the runner says so. */
  readonly passed?: number;
}

/** Runs the service's tests, where there are any; throws unless they pass. */
export async function runTests(
  { io, options }: Pick<Cli, 'io' | 'options'>,
  { test, folder, deadline, otherwise }: TestRun,
  board: Board,
  signal: AbortSignal,
): Promise<Tested | undefined> {
  if (test === undefined) {
    board.say({ label: 'test', text: 'none: service.test is not set' });
    return undefined;
  }
  const command = typeof test === 'string' ? test : test.join(' ');
  const startedAt = io.now();
  board.show('test', command);
  if (options.verbose) board.below(`${command} in ${folder}`);
  const sayStop = () => board.show('test', 'being stopped');
  signal.addEventListener('abort', sayStop);
  const end = await runShell(
    {
      command: test,
      folder,
      deadlineMs: toMs(deadline),
      signal,
      ...(options.verbose ? { onLine: (line: string) => board.below(line) } : {}),
    },
    io,
  );
  signal.removeEventListener('abort', sayStop);
  if (end.kind === 'aborted') throw new Interrupted(`the tests were stopped, and ${otherwise}`);
  if (end.kind === 'ended' && end.code === 0) {
    const passed = countTests(end.output);
    const text = passed === undefined ? 'passed' : `${passed} passed`;
    board.end({ label: 'test', text, ms: io.now() - startedAt });
    const words = typeof test === 'string' ? ['/bin/sh', '-c', test] : test;
    return { command: words, ...(passed === undefined ? {} : { passed }) };
  }
  throw testError(end, command, deadline);
}

function testError(
  end: Exclude<Awaited<ReturnType<typeof runShell>>, { kind: 'aborted' }>,
  command: string,
  deadline: Duration,
): UserError {
  if (end.kind === 'notStarted') {
    return new UserError({
      code: 'test_failed',
      message: namePathsOnce(`the test command did not start: ${command}: ${end.why}`),
      hint: 'service.test in the config says what is run',
    });
  }
  if (end.kind === 'timeout') {
    return new UserError({
      code: 'test_timeout',
      message: `the tests did not end within ${showMs(toMs(deadline))}: ${command}`,
      hint: 'mend what hangs, or give more time with deadlines.test in the config',
      details: lastLines(linesOf(end.output)),
    });
  }
  return new UserError({
    code: 'test_failed',
    message: `the tests failed with ${end.how}: ${command}`,
    hint: 'mend the tests or the service, then run the same command again',
    details: lastLines(linesOf(end.output).filter((line) => !isPassOfBun(line))),
  });
}

function linesOf(output: string): readonly string[] {
  return output.trimEnd().split('\n');
}

/** Bun's test runner prints a line for each test; those that passed would push out the one that failed. */
function isPassOfBun(line: string): boolean {
  return stripEscapes(line).startsWith('(pass) ');
}

function lastLines(lines: readonly string[]): string {
  return lines.slice(-shownLines).join('\n');
}
