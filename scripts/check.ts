import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { didYouMean } from '../src/core/did-you-mean.ts';
import { buildAhead } from './check/build-ahead.ts';
import { LiveLine } from './check/live-line.ts';
import { close, runChecks } from './check/run-checks.ts';
import { listSteps, type StepGroup, tierSteps, tiers, writeSteps } from './check/steps.ts';

const help = `usage: ./check [--all] [--write]

Checks format, lint, types, unused code, architecture and tests. The last line counts them:
a test is one, and so is every other step.

examples:
  ./check          what to run before every commit
  ./check --write  format, sort imports and write the generated docs first
  ./check --all    the tiers on real parts too: ${tiers.map(({ name }) => name).join(', ')}

flags:
  --all            run every tier; they take minutes
  --write          first mend what a program can mend
  --help           show this

exit codes: 0 all passed · 1 something failed · 2 wrong usage · 130 interrupted
`;
const flags = ['--all', '--write', '--help'];

const words = process.argv.slice(2);
const unknown = words.find((word) => !flags.includes(word) && word !== '-h');
if (unknown !== undefined) {
  const meant = didYouMean(unknown, flags);
  console.error(
    `error: ./check has no flag ${unknown}\n  hint: ${meant ? `did you mean ${meant}?` : './check --help lists them'}`,
  );
  process.exit(2);
}
if (words.includes('--help') || words.includes('-h')) {
  process.stdout.write(help);
  process.exit(0);
}
process.exit(await check({ isAll: words.includes('--all'), hasToWrite: words.includes('--write') }));

async function check({ isAll, hasToWrite }: { isAll: boolean; hasToWrite: boolean }): Promise<number> {
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (interrupt.signal.aborted) process.exit(130);
      interrupt.abort();
    });
  }
  const scratch = mkdtempSync(join(tmpdir(), 'causeway-check-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

  const root = resolve(import.meta.dir, '..');
  const bun = process.execPath;
  const steps = await listSteps({ root, bun });
  const { chosen, skipped } = await chooseTiers({ isAll, root, bun });

  const building = isAll ? tiers.flatMap(({ builds }) => (builds ? [buildAhead(builds, { root })] : [])) : [];
  process.on('exit', () => {
    for (const build of building) build.stop();
  });

  const line = new LiveLine(process.stderr, process.env);
  const common = { root, scratch, signal: interrupt.signal, print: line.print, watch: line.show };
  const writing = hasToWrite ? writeSteps(bun) : [];
  const results = [
    ...(await runChecks({ ...common, steps: writing, atOnce: 1 })),
    ...(await runChecks({ ...common, steps, atOnce: Math.min(availableParallelism(), 4) })),
  ];
  // What runs real parts has the machine to itself. In CI a neighbour's load is no reason to stop everybody.
  const again = process.env.CI === 'true';
  for (const { steps: parts, atOnce } of chosen)
    results.push(...(await runChecks({ ...common, steps: parts, atOnce, again })));
  line.close();
  for (const why of skipped) console.log(why);
  const wanted = chosen.reduce((sum, { steps: parts }) => sum + parts.length, writing.length + steps.length);
  const { line: closing, exitCode } = close(results, wanted);
  console.log(closing);
  return exitCode;
}

async function chooseTiers({ isAll, root, bun }: { isAll: boolean; root: string; bun: string }) {
  const chosen: StepGroup[] = [];
  const skipped: string[] = [];
  for (const tier of tiers) {
    const groups = await tierSteps(tier, { root, bun });
    const label = `tier ${tier.name}`.padEnd(12);
    if (groups.length === 0) skipped.push(`${label} skipped: there is no test in ${tier.folder}`);
    else if (!isAll) skipped.push(`${label} skipped: ./check --all runs it`);
    else chosen.push(...groups);
  }
  return { chosen, skipped };
}
