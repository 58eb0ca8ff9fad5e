import { type Result, runStep } from './run-step.ts';
import type { Step } from './steps.ts';

export interface ChecksOptions {
  readonly steps: readonly Step[];
  readonly root: string;
  /** A folder for reports. */
  readonly scratch: string;
  readonly atOnce: number;
  readonly signal: AbortSignal;
  readonly print: (text: string) => void;
  /** Test files that fail run a second time when the rest has ended; what passes then is told as flaky. */
  readonly again?: boolean;
  /** Told of the steps that run now, whenever that changes. */
  readonly watch?: (running: readonly string[]) => void;
}

/** Runs every step, a few at once, and prints each as it ends. */
export async function runChecks(options: ChecksOptions): Promise<readonly Result[]> {
  const { steps, root, scratch, atOnce, signal, print, watch, again = false } = options;
  const waiting = [...steps];
  const running = new Set<string>();
  const results: Result[] = [];
  await Promise.all(Array.from({ length: atOnce }, work));
  if (!again) return results;
  const afterAll: Result[] = [];
  for (const result of results) afterAll.push(await secondChance(result));
  return afterAll;

  async function work(): Promise<void> {
    for (let step = waiting.shift(); step && !signal.aborted; step = waiting.shift()) {
      results.push(await runOne(step));
    }
  }

  async function runOne(step: Step): Promise<Result> {
    running.add(step.name);
    watch?.([...running]);
    const result = await runStep(step, { root, scratch, signal });
    running.delete(step.name);
    watch?.([...running]);
    if (!result.isInterrupted) print(describe(result));
    return result;
  }

  /** A file that fails twice has failed; its first failure was printed in any case. */
  async function secondChance(first: Result): Promise<Result> {
    if (first.failed === 0 || first.failedFiles.length === 0 || signal.aborted) return first;
    const second = await runOne(onlyFiles(first.step, first.failedFiles));
    if (second.isInterrupted || second.failed > 0) return first;
    print(`flaky: ${first.failedFiles.join(', ')} failed once, and passed alone`);
    return { ...first, passed: first.passed + first.failed, failed: 0 };
  }
}

function onlyFiles(step: Step, files: readonly string[]): Step {
  const left = new Set(step.testFiles?.filter((file) => !files.includes(file)).map((file) => `./${file}`));
  return {
    ...step,
    name: `${step.name} again`,
    argv: step.argv.filter((arg) => !left.has(arg)),
    testFiles: files,
  };
}

/** `42 passed, 1 failed`, and the exit code that says the same. */
export function close(
  results: readonly Result[],
  wanted: number,
): { readonly line: string; readonly exitCode: number } {
  const passed = sum(results.map((result) => result.passed));
  const failed = sum(results.map((result) => result.failed));
  const line = `${passed} passed, ${failed} failed`;
  const ended = results.filter(({ isInterrupted }) => !isInterrupted).length;
  if (ended < wanted) {
    return { line: `interrupted, ${ended} of ${wanted} steps ended: ${line}`, exitCode: 130 };
  }
  return { line, exitCode: failed === 0 && passed > 0 ? 0 : 1 };
}

/** More are not named; running all of them again is as good. */
const fewFiles = 5;

function describe({ step, passed, failed, skipped, ms, failedFiles, skips, output }: Result): string {
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  const line = [
    step.name.padEnd(12),
    (failed === 0 ? 'ok' : 'failed').padEnd(6),
    `${(ms / 1000).toFixed(1)} s`.padStart(7),
    ...(step.testFiles ? [` ${counts.filter((count) => count !== false).join(', ')}`] : []),
  ].join(' ');
  const mend = [step.mend, ...(failedFiles.length > fewFiles ? [] : failedFiles)].join(' ');
  return failed === 0 ? [line, ...skips].join('\n') : `${line}\n${output}\nmend: ${mend}\n`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
