// What is broken on purpose on the local target, at full size; bench/run starts it. --quick makes it small.
import { appendFileSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { runKills } from '../e2e/faults/kill-run.ts';
import { makeProject, type Project, until } from '../e2e/local/project.ts';
import { seed } from '../e2e/proof.ts';
import { groupThousands } from '../src/cli/terminal/count.ts';
import type { RolloutRecord } from '../src/core/record.ts';
import { seededRandom } from '../src/core/seeded-random.ts';
import { presets } from '../src/load/shape.ts';
import { type Row, showPage } from './page.ts';
import { isQuick } from './quick.ts';
import { sample, showSample, timed } from './sample.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const imagesTitle = '200 pushes through a fault proxy';
const size = isQuick
  ? { rollouts: 6, kills: 18, requests: 5_000, steady: 10, steadyRequests: 5_000, away: 2, scale: 0.5 }
  : {
      rollouts: 100,
      kills: 300,
      requests: 1_000_000,
      steady: 200,
      steadyRequests: 1_000_000,
      away: 10,
      scale: 2,
    };

const rows: Row[] = [];
for (const measure of [flat, kills, addressBack, tenThousandRecords]) {
  for (const row of await measure()) {
    rows.push(row);
    console.error(`${row.what}: ${row.measured}`);
  }
}
showPage({
  name: 'faults',
  title: 'What is broken on purpose',
  about: `Of it, \`bench/run faults\`, with CAUSEWAY_SEED=${seed}. Times are median (least–most, rounds).`,
  repository,
  rows,
  more: imagesPart(),
});

/** Each kill comes later than the supervisor would count it as one of a row. */
async function addressBack(): Promise<readonly Row[]> {
  await using project = await makeUp();
  const measured = await sample(size.away, async () => {
    await Bun.sleep(11_000);
    const [pid = 0] = project.processes().supervisors;
    process.kill(pid, 'SIGKILL');
    return timed(() =>
      until('it answers', async () => (await project.ask().catch(() => undefined))?.status === 200),
    );
  });
  return [row('supervisor killed → first answer at its address', '< 0.3 s', showSample(measured))];
}

async function tenThousandRecords(): Promise<readonly Row[]> {
  await using project = await makeUp();
  const [template] = (await project.records()) as readonly [RolloutRecord];
  const lines = Array.from({ length: 10_000 }, (_, number) =>
    JSON.stringify({ ...template, id: `${template.id}-${number}`, release: `${number}`.padStart(64, '0') }),
  );
  appendFileSync(project.paths.history, `${lines.join('\n')}\n`);
  const status = await sample(15, () => timed(() => project.causeway('status')));
  const releases = await sample(15, () => timed(() => project.causeway('releases')));
  return [
    row('10,000 records: `status`', '< 150 ms', showSample(status)),
    row('10,000 records: `releases`', '< 150 ms', showSample(releases)),
  ];
}

/** After its first tenth what the supervisor takes has settled; what it takes then must not grow. */
async function flat(): Promise<readonly Row[]> {
  await using project = await makeUp();
  const load = project.load(presets.plain({ scale: size.scale }));
  const seen: { readonly megabytes: number; readonly handles: number }[] = [];
  for (let round = 0; round < size.steady; round += 1) {
    project.use('good.ts', { mark: `round ${round}` });
    const { exitCode, stderr } = await project.causeway('deploy');
    if (exitCode !== 0) throw new Error(`deploy ended with ${exitCode}: ${stderr}`);
    await load.until(({ requests }) => requests >= (size.steadyRequests * (round + 1)) / size.steady);
    seen.push(takenBy(project));
  }
  const { requests, failed } = await load.stop();
  const at = (share: number) => seen[Math.floor((seen.length - 1) * share)] ?? { megabytes: 0, handles: 0 };
  const show = (what: 'megabytes' | 'handles') =>
    [0.1, 0.4, 0.7, 1].map((share) => at(share)[what]).join(', ');
  const about = `${size.steady} rollouts and ${groupThousands(requests)} requests, ${failed} of them failed`;
  return [
    row(
      'memory of the supervisor after a tenth, 40, 70 and 100 % of the rollouts',
      'flat',
      `${show('megabytes')} MB; ${about}`,
    ),
    row('its handles, likewise', 'flat', show('handles')),
  ];
}

async function kills(): Promise<readonly Row[]> {
  const report = await runKills({
    random: seededRandom(seed),
    rollouts: size.rollouts,
    kills: size.kills,
    requests: size.requests,
    shape: presets.mixed({ scale: size.scale }),
    say: (line) => console.error(line),
  });
  for (const line of report.broken) console.error(`broken: ${line}`);
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(' · ');
  return [
    row(
      `${size.rollouts} rollouts and rollbacks under load, processes killed at random: promises broken, requests lost`,
      '0',
      `${report.broken.length} of ${groupThousands(report.requests)} requests; ${report.retried} sent again`,
    ),
    row('killed', `${size.kills}`, list(report.kills)),
    row('requests that failed, each by what was killed under it', 'all explained', list(report.reasons)),
    row('how the rollouts ended', '–', list(report.verdicts)),
    row('how the commands ended', '–', list(report.ends)),
  ];
}

async function makeUp(): Promise<Project> {
  const project = await makeProject({ environment: { bake: '0s' } });
  const { exitCode, stderr } = await project.causeway('up');
  if (exitCode !== 0) throw new Error(`up ended with ${exitCode}: ${stderr}`);
  return project;
}

function takenBy(project: Project) {
  const [pid = 0] = project.processes().supervisors;
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return { megabytes: Math.round(kilobytes / 1024), handles: readdirSync(`/proc/${pid}/fd`).length };
}

/** What e2e/images measured stands on the same page. */
function imagesPart(): string {
  const page = readFileSync(join(repository, 'docs/proof/faults.md'), 'utf8');
  const at = page.indexOf(`# ${imagesTitle}`);
  return at === -1 ? '' : `## ${page.slice(at + 2).trim()}`;
}

function row(what: string, reach: string, measured: string): Row {
  return { what, reach, measured };
}
