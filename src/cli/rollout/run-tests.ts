import type { Config, EnvironmentConfig } from '../../core/config.ts';
import { showMs, toMs } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import type { Cli } from '../cli.ts';
import { Interrupted } from '../interrupted.ts';
import type { Board } from '../terminal/board.ts';
import { namePathsOnce } from '../terminal/name-paths-once.ts';
import { stripEscapes } from '../terminal/style.ts';
import { countTests } from './count-tests.ts';
import { runShell } from './run-shell.ts';

const shownLines = 200;

/** Runs the service's tests; a release whose tests fail is not rolled out. */
export async function runTests(
  { io, options }: Pick<Cli, 'io' | 'options'>,
  {
    config,
    environmentConfig,
    folder,
  }: { config: Config; environmentConfig: EnvironmentConfig; folder: string },
  board: Board,
  signal: AbortSignal,
): Promise<void> {
  const { test } = config.service;
  if (test === undefined) return;
  const command = typeof test === 'string' ? test : test.join(' ');
  const deadline = environmentConfig.deadlines.test;
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
  if (end.kind === 'aborted') throw new Interrupted('the tests were stopped, and nothing was rolled out');
  if (end.kind === 'ended' && end.code === 0) {
    const passed = countTests(end.output);
    board.end({ label: 'test', text: passed === undefined ? 'passed' : `${passed} passed` });
    return;
  }
  throw testError(end, command, deadline);
}

function testError(
  end: Exclude<Awaited<ReturnType<typeof runShell>>, { kind: 'aborted' }>,
  command: string,
  deadline: EnvironmentConfig['deadlines']['test'],
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
