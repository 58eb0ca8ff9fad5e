// A changed version rolled out under load, by Causeway and by what a user would pick instead; bench/run starts it
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { groupThousands } from '../src/cli/terminal/count.ts';
import { startLoad } from '../src/load/load.ts';
import type { Totals } from '../src/load/report.ts';
import { presets } from '../src/load/shape.ts';
import { showPage } from './page.ts';
import { type Deployer, deployers, type MakeDeployer, type Trouble } from './peers/deployers.ts';
import { findPeerPrograms } from './peers/programs.ts';
import { isQuick } from './quick.ts';
import { median, sample, showSample, timed } from './sample.ts';
import { table } from './table.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const goodRounds = isQuick ? 1 : 3;
/** How long a bad release is left where its tool leaves it. */
const afterMs = isQuick ? 1_000 : 5_000;

const troubles: readonly { readonly trouble: Trouble; readonly what: string }[] = [
  { trouble: 'crash', what: 'crashes at start' },
  { trouble: 'never', what: 'never gets ready' },
  { trouble: 'turns', what: 'turns bad after 20 requests' },
  { trouble: 'errors', what: 'answers 500' },
];

const scratch = mkdtempSync(join(realpathSync('/tmp'), 'cw-bench-'));
const programs = await findPeerPrograms();
const tools = Object.entries(deployers);

try {
  const good: Good[] = [];
  for (const [name, make] of tools) good.push(await rollOutGood(name, make));
  const bad: Bad[] = [];
  for (const { trouble } of troubles) {
    // They wait more than they work, so all tools at once.
    bad.push(...(await Promise.all(tools.map(([name, make]) => rollOutBad(name, make, trouble)))));
  }
  show(good, bad);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

interface Good {
  readonly name: string;
  readonly answersMs: readonly number[];
  readonly endsMs: readonly number[];
  readonly lost: string;
}

async function rollOutGood(name: string, make: MakeDeployer): Promise<Good> {
  await using deployer = await make({ programs, scratch });
  await using load = await loaded(deployer);
  const endsMs: number[] = [];
  const answers = await sample(goodRounds, async (round) => {
    const version = `v${round + 1}`;
    const startedAt = performance.now();
    const ended = timed(() => deployer.deploy(version, 'none'));
    await load.until(({ releases }) => (releases[version]?.ok ?? 0) > 0);
    const answeredMs = performance.now() - startedAt;
    endsMs.push(await ended);
    await Bun.sleep(500);
    return answeredMs;
  });
  const { failed, requests } = await load.stop();
  console.error(`${name}, good: ${showSample(answers)}, ${failed} of ${requests} lost`);
  return { name, answersMs: answers.ms, endsMs, lost: share(failed, requests) };
}

interface Bad {
  readonly name: string;
  readonly trouble: Trouble;
  readonly told: string;
  readonly failed: string;
  readonly after: string;
}

async function rollOutBad(name: string, make: MakeDeployer, trouble: Trouble): Promise<Bad> {
  await using deployer = await make({ programs, scratch });
  await using load = await loaded(deployer);
  const startedAt = performance.now();
  const said = await deployer.deploy('v1', trouble);
  const seconds = (performance.now() - startedAt) / 1000;
  await Bun.sleep(afterMs);
  const after = await whoAnswers(deployer.port);
  const { failed, requests } = await load.stop();
  const told = `${said} after ${seconds.toFixed(1)} s`;
  console.error(`${name}, ${trouble}: ${told}; ${failed} of ${requests} failed; ${after}`);
  return { name, trouble, told, failed: share(failed, requests), after };
}

async function loaded({ port }: Deployer) {
  const load = startLoad({ port, shape: presets.plain({ scale: 0.33 }) });
  await load.until((totals) => okOf(totals, 'v0') >= 50);
  return load;
}

function okOf({ releases }: Totals, version: string): number {
  return releases[version]?.ok ?? 0;
}

async function whoAnswers(port: number): Promise<string> {
  const seen = new Set<string>();
  for (let n = 0; n < 6; n += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      keepalive: false,
      signal: AbortSignal.timeout(1_000),
    }).then(
      ({ status, headers }) => (status === 200 ? `${headers.get('x-release')} serves` : `answers ${status}`),
      () => 'no answer',
    );
    seen.add(answer);
  }
  return [...seen].sort().join(', ');
}

function show(good: readonly Good[], bad: readonly Bad[]): void {
  const goodLines = good.map(({ name, answersMs, endsMs, lost }) => [
    name,
    seconds(answersMs),
    seconds(endsMs),
    lost,
  ]);
  const badLines = troubles.flatMap(({ trouble, what }) =>
    bad
      .filter((one) => one.trouble === trouble)
      .map(({ name, told, after, failed }) => [what, name, told, after, failed]),
  );
  const ours = good[0];
  showPage({
    name: 'reload',
    title: 'A changed version under load, measured',
    about: `Two copies of one small service on Node (for gunicorn the same in Flask), about 200 requests a second on new and kept connections; medians of ${goodRounds} rollouts. pm2 is told to wait until its members say that they are ready; the script for nginx starts two new copies, waits 5 s for their /readyz, switches and reloads, and stops the others. A bad release is looked at ${afterMs / 1000} s after its tool has ended.`,
    repository,
    rows: [
      {
        what: 'a changed version, command → its first answer',
        reach: 'no slower than pm2',
        measured: `${seconds(ours?.answersMs ?? [])}, pm2 ${seconds(good[1]?.answersMs ?? [])}`,
      },
      { what: 'requests lost by good rollouts', reach: '0', measured: ours?.lost ?? '–' },
      {
        what: 'bad releases that serve in the end',
        reach: '0 of 4',
        measured: `${bad.filter(({ name, after }) => name === ours?.name && after !== 'v0 serves').length} of ${troubles.length}`,
      },
    ],
    more: [
      '## A good version',
      table(['tool', 'first answer', 'tool has ended', 'requests lost'], goodLines),
      'Causeway’s command ends later because it watches for twice two seconds, and answers with a verdict.',
      '## A bad version',
      table(['it', 'tool', 'says', 'in the end', 'requests that failed'], badLines),
    ].join('\n\n'),
  });
}

function seconds(ms: readonly number[]): string {
  return `${(median({ ms }) / 1000).toFixed(2)} s`;
}

function share(failed: number, requests: number): string {
  return `${failed} of ${groupThousands(requests)}`;
}
