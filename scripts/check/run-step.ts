import { join } from 'node:path';
import { readReport } from './junit.ts';
import type { Step } from './steps.ts';

export interface Result {
  readonly step: Step;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly isInterrupted: boolean;
  readonly ms: number;
  /** The test files in which something failed. */
  readonly failedFiles: readonly string[];
  /** What was skipped and why, where the tests say so: lines that begin with `skipped: `. */
  readonly skips: readonly string[];
  /** What the program printed, and what is to be said of how it ended. */
  readonly output: string;
}

/** Runs a step to its end, its deadline, or the signal. */
export async function runStep(
  step: Step,
  { root, scratch, signal }: { root: string; scratch: string; signal: AbortSignal },
): Promise<Result> {
  const startedAt = performance.now();
  const file = (ending: string) => join(scratch, `${step.name.replaceAll(/\W/g, '-')}.${ending}`);
  const report = file('xml');
  // Files, since a pipe stays open for as long as a process that a test left behind holds it.
  const printed = { stdout: Bun.file(file('out')), stderr: Bun.file(file('err')) };
  const reporting = step.testFiles ? ['--reporter=junit', `--reporter-outfile=${report}`] : [];
  const { FORCE_COLOR: _, ...env } = process.env;
  const child = Bun.spawn([...step.argv, ...reporting], {
    cwd: root,
    env: { ...env, NO_COLOR: '1' },
    stdin: 'ignore',
    ...printed,
    signal,
    timeout: step.deadlineMs,
    killSignal: 'SIGTERM',
  });
  const exitCode = await child.exited;
  const ms = performance.now() - startedAt;
  if (signal.aborted) {
    const nothing = { ...none, skips: [], output: '' };
    return { step, ...nothing, isInterrupted: true, ms };
  }

  const counts = step.testFiles ? await countTests(step.testFiles, report, exitCode) : countTool(exitCode);
  const remarks = ms >= step.deadlineMs ? ['it did not end in time, and was stopped'] : counts.remarks;
  const output = [await printed.stdout.text(), await printed.stderr.text(), ...remarks]
    .map((text) => text.trimEnd())
    .filter((text) => text !== '')
    .join('\n');
  const skips = step.testFiles ? [...new Set(output.match(/^skipped: .+$/gm))] : [];
  return { step, ...counts, skips, isInterrupted: false, ms, output };
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failedFiles: readonly string[];
  readonly remarks: readonly string[];
}

const none = { passed: 0, failed: 0, skipped: 0, failedFiles: [] } as const;

function countTool(exitCode: number): Counts {
  return exitCode === 0
    ? { passed: 1, failed: 0, skipped: 0, failedFiles: [], remarks: [] }
    : { passed: 0, failed: 1, skipped: 0, failedFiles: [], remarks: [] };
}

/** A file that did not load, and a runner that crashed, leave no failed test: they are counted as one each. */
async function countTests(files: readonly string[], report: string, exitCode: number): Promise<Counts> {
  const { files: reported, passed, failed, skipped } = await readReport(report);
  const missing = files.filter((file) => !reported.has(file));
  const remarks = missing.map((file) => `${file}: no test ran`);
  if (files.length === 0) remarks.push('there is no test file');
  if (exitCode !== 0 && failed + remarks.length === 0) {
    remarks.push(`the test runner ended with exit code ${exitCode}, though no test failed`);
  }
  const failedFiles = files.filter((file) => reported.get(file) !== 0);
  return { passed, failed: failed + remarks.length, skipped, failedFiles, remarks };
}
