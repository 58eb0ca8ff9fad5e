// The local target's numbers, on the real thing; bench/run starts it
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeProject, type Project } from '../e2e/local/project.ts';
import { groupThousands } from '../src/cli/terminal/count.ts';
import { presets } from '../src/load/shape.ts';
import { findFreePort } from '../src/local/free-port.ts';
import { type Row, showPage } from './page.ts';
import { sample, showSample, timed } from './sample.ts';

const repository = realpathSync(join(import.meta.dir, '..'));
const bake = '500ms';
const bakeMs = 500;

const rows: Row[] = [];
for (const measure of [
  fromClone,
  changeToVerdict,
  rollbackToAnswer,
  badAtStart,
  badUnderTraffic,
  lostRequests,
]) {
  for (const row of await measure()) {
    rows.push(row);
    console.error(`${row.what}: ${row.measured}`);
  }
}
showPage({
  name: 'local',
  title: 'The local target, measured',
  about: "Times are of whole commands, from the shell's call to their end: median (least–most, rounds).",
  repository,
  rows,
});

/** A fresh clone, with npm's cache as it is: what a newcomer waits for, and what the everyday commands take after. */
async function fromClone(): Promise<readonly Row[]> {
  const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-bench-'));
  const env = { ...process.env, XDG_STATE_HOME: join(base, 'state'), XDG_RUNTIME_DIR: join(base, 'run') };
  const folder = join(base, 'clone');
  const port = findFreePort();
  const run = async (...args: string[]) => {
    const child = Bun.spawn(['./causeway', ...args], {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    await child.exited;
  };
  try {
    const first = await timed(async () => {
      await Bun.spawn(['git', 'clone', '-q', repository, folder], { stdio: ['ignore', 'ignore', 'inherit'] })
        .exited;
      const config = join(folder, 'causeway.config.ts');
      writeFileSync(
        config,
        readFileSync(config, 'utf8').replace("target: 'local'", `target: 'local', port: ${port}`),
      );
      const up = run('up');
      while ((await statusOf(port)) !== 200) await Bun.sleep(5);
      void up;
    });
    await run('up');
    const again = await sample(7, () => timed(() => run('up')));
    const help = await sample(20, () => timed(() => run('--help')));
    const status = await sample(20, () => timed(() => run('status')));
    return [
      row('clone → first 200, npm’s cache warm, bake excluded', '< 10 s', showSample({ ms: [first] })),
      row('`up` again with nothing changed', '< 0.5 s', showSample(again)),
      row('`causeway --help`', '< 80 ms', showSample(help)),
      row('`causeway status`', '< 150 ms', showSample(status)),
    ];
  } finally {
    await run('down');
    rmSync(base, { recursive: true, force: true });
  }
}

async function changeToVerdict(): Promise<readonly Row[]> {
  await using project = await makeUp();
  const measured = await sample(10, async (round) => {
    project.use('good.ts', { mark: `change ${round}` });
    return (await timed(() => expectExit(project, 0))) - 2 * bakeMs;
  });
  return [row('one line changed → verdict, beside tests and bake', '< 0.3 s', showSample(measured))];
}

async function rollbackToAnswer(): Promise<readonly Row[]> {
  await using project = await makeUp();
  const first = (await project.ask()).release;
  const measured = await sample(10, async (round) => {
    project.use('good.ts', { mark: `to leave ${round}` });
    await expectExit(project, 0);
    const startedAt = performance.now();
    const rollback = project.causeway('rollback', '--to', String(first));
    while ((await project.ask()).release !== first) await Bun.sleep(1);
    const answeredAt = performance.now();
    await rollback;
    return answeredAt - startedAt;
  });
  const asked = await sample(10, async (round) => {
    project.use('good.ts', { mark: `to leave again ${round}` });
    await expectExit(project, 0);
    const startedAt = performance.now();
    const rollback = askSupervisor(project, String(first));
    while ((await project.ask()).release !== first) await Bun.sleep(1);
    const answeredAt = performance.now();
    await rollback;
    return answeredAt - startedAt;
  });
  return [
    row('`rollback` → first answer of that release', '< 0.1 s', showSample(measured)),
    row('of that, beside the start of the command itself', '–', showSample(asked)),
  ];
}

/** A rollback as the command asks for it, without the command. */
async function askSupervisor({ paths }: Project, to: string): Promise<void> {
  const rules = {
    bakeMs,
    startMs: 20_000,
    commandMs: 1,
    unreachableMs: 1,
    allowance: { errorShare: 0.02, slowdown: 1.5 },
  };
  const body = JSON.stringify({ to, by: 'bench', environment: { replicas: 2, rules } });
  const response = await fetch('http://supervisor/rollback', { method: 'POST', body, unix: paths.socket });
  await response.text();
}

async function badAtStart(): Promise<readonly Row[]> {
  const found: Row[] = [];
  for (const [fixture, what] of [
    ['crash-at-start.ts', 'crashes at start → taken back, exit 3'],
    ['error-on-declared-path.ts', 'answers 500 on a declared path → taken back, exit 3'],
  ] as const) {
    await using project = await makeUp();
    const load = project.load(presets.plain());
    project.use(fixture);
    const measured = await sample(5, async () => timed(() => expectExit(project, 3)));
    const { failed, requests } = await load.stop();
    found.push(
      row(
        what,
        '< 0.3 s, no user saw it',
        `${showSample(measured)}; ${failed} of ${requests} requests failed`,
      ),
    );
  }
  return found;
}

async function badUnderTraffic(): Promise<readonly Row[]> {
  const found: Row[] = [];
  for (const [fixture, what] of [
    ['all-errors-under-traffic.ts', 'turns to 500s under traffic → taken back'],
    ['errors-under-traffic.ts', 'turns to 500s on a third of the requests → taken back'],
  ] as const) {
    const shares: string[] = [];
    const measured = await sample(5, async () => {
      await using project = await makeUp();
      const load = project.load(presets.plain());
      project.use(fixture);
      await expectExit(project, 3);
      const { failures, failed } = await load.stop();
      const record = (await project.records()).at(-1);
      shares.push(`${failed}`);
      return (record?.endedAt ?? Number.NaN) - Math.min(...failures.map(({ at }) => at));
    });
    found.push(row(what, '< 0.3 s after it showed', `${showSample(measured)}; errors ${shares.join(', ')}`));
  }
  return found;
}

async function lostRequests(): Promise<readonly Row[]> {
  await using project = await makeUp();
  const load = project.load(presets.mixed({ scale: 0.7 }));
  for (let round = 0; round < 5; round += 1) {
    project.use('good.ts', { mark: `good ${round}` });
    await expectExit(project, 0);
    project.use('crash-at-start.ts');
    await expectExit(project, 3);
    project.use('all-errors-under-traffic.ts');
    await expectExit(project, 3);
    await project.causeway('rollback');
  }
  const { requests, causes, retried } = await load.stop();
  const { 'other-5xx': errors, ...ours } = causes;
  const lost = Object.values(ours).reduce((sum, n) => sum + n, 0);
  const measured = `${lost} of ${groupThousands(requests)}; ${errors} errors of bad releases, ${retried} retried`;
  return [
    row(
      'lost over 20 rollouts and rollbacks under load, good and bad, kept and new connections',
      '0',
      measured,
    ),
  ];
}

async function makeUp(): Promise<Project> {
  const project = await makeProject({ environment: { bake } });
  await project.causeway('up');
  return project;
}

async function expectExit(project: Project, exit: number): Promise<void> {
  const { exitCode, stderr } = await project.causeway('deploy');
  if (exitCode !== exit) throw new Error(`expected exit ${exit}, got ${exitCode}: ${stderr}`);
}

async function statusOf(port: number): Promise<number> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    ({ status }) => status,
    () => 0,
  );
}

function row(what: string, reach: string, measured: string): Row {
  return { what, reach, measured };
}
