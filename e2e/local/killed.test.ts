import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { presets } from '../../src/load/shape.ts';
import { makeProject, type Project, type ProjectOptions, until } from './project.ts';

setDefaultTimeout(60_000);

const projects: Project[] = [];

afterEach(async () => {
  for (const project of projects.splice(0)) await project[Symbol.asyncDispose]();
});

describe('with the command killed in mid-rollout, the rollout ends by itself and the next command shows how', () => {
  const moments = ['starting', 'watching one', 'watching all'] as const;
  const releases = [
    { fixture: 'slow-to-start.ts', moments, verdict: 'good' },
    { fixture: 'never-ready.ts', moments: ['starting'] as const, verdict: 'never-ready' },
    { fixture: 'slow-under-traffic.ts', moments: ['watching one'] as const, verdict: 'slow' },
  ];
  for (const { fixture, moments, verdict } of releases) {
    for (const moment of moments) {
      test(`${fixture}, killed while ${moment}`, async () => {
        const project = await serving({ environment: { deadlines: { start: '2s' } } });
        const stable = (await project.ask()).release;
        const load = project.load(presets.plain({ scale: 0.2 }));
        project.use(fixture);

        const deploy = project.start('deploy');
        await until(`the rollout is ${moment}`, () => isAt(project, moment));
        deploy.process.kill('SIGKILL');
        await ended(project);

        const [last] = (await project.causeway('releases', '--json')).json().rollouts ?? [];
        const status = (await project.causeway('status', '--json')).json();
        expect(String(last?.verdict.kind === 'failed' ? last.verdict.cause : last?.verdict.kind)).toBe(
          verdict,
        );
        expect(status.state).toBe('serving');
        const serves = verdict === 'good' ? last?.release.slice(0, 7) : stable;
        expect((await project.ask()).release).toBe(serves ?? '');
        expect((await load.stop()).failures).toEqual([]);
      });
    }
  }
});

test('a release that turns bad while all of it is watched is taken back, with the command long killed', async () => {
  const project = await serving({ environment: { bake: '3s' } });
  const { release } = await project.ask();
  project.write('service.ts', turnsBad(join(project.folder, 'bad')));
  const deploy = project.start('deploy');
  await until('all of it is watched', () => isAt(project, 'watching all'));

  deploy.process.kill('SIGKILL');
  project.write('bad', '');
  await ended(project);

  const [last] = (await project.causeway('releases', '--json')).json().rollouts ?? [];
  expect(last?.verdict).toMatchObject({ kind: 'failed', cause: 'errors' });
  expect(await project.ask()).toMatchObject({ status: 200, release });
});

describe('the supervisor', () => {
  test('killed at rest, is back at its address, with the release and every record', async () => {
    const project = await serving();
    project.use('good.ts', { mark: 'two' });
    await project.causeway('deploy');
    const { release } = await project.ask();
    const records = await project.records();
    const load = project.load(presets.plain({ scale: 0.1 }));
    const [before] = project.processes().supervisors;

    kill(before);
    await until('another one serves', async () => {
      const [now] = project.processes().supervisors;
      return now !== undefined && now !== before && (await answers(project));
    });

    const { requests } = load.report();
    const { ok } = await load.until((totals) => totals.requests >= requests + 30);
    expect((await load.until((totals) => totals.ok >= ok + 30)).releases).toMatchObject({
      [release ?? '']: { failed: 0 },
    });
    expect((await project.ask()).release).toBe(release);
    expect(await project.records()).toEqual(records);
    expect((await project.causeway('status', '--json')).json().state).toBe('serving');
    await wholeHousehold(project);
  });

  test('killed in mid-rollout, starts the stable release alone and records the rollout as interrupted', async () => {
    const project = await serving({ environment: { bake: '20s' } });
    const { release } = await project.ask();
    project.use('good.ts', { mark: 'two' });
    const deploy = project.start('deploy', '--json');
    await until('the candidate is watched', () => isAt(project, 'watching one'));

    kill(project.processes().supervisors[0]);
    const told = await deploy.ended;
    await ended(project);

    expect(told.exitCode).toBe(1);
    expect(told.json().error?.code).toBe('supervisor_failed');
    expect(told.stderr).not.toContain('    at ');
    expect((await project.ask()).release).toBe(release);
    const last = (await project.records()).at(-1);
    expect(last?.verdict).toMatchObject({ kind: 'failed', cause: 'interrupted' });
    const { running, stable } = (await project.causeway('status', '--json')).json();
    expect(running?.map((replica) => replica.release)).toEqual([
      stable?.release,
      stable?.release,
    ] as string[]);
    await wholeHousehold(project);
  });

  test('gets a new keeper when its keeper is killed, which brings it back when it is killed then', async () => {
    const project = await serving();
    const { keepers, supervisors } = project.processes();

    kill(keepers[0]);
    await until('there is another keeper', () => {
      const [now] = project.processes().keepers;
      return now !== undefined && now !== keepers[0];
    });
    kill(supervisors[0]);
    await until('another supervisor serves', async () => {
      const [now] = project.processes().supervisors;
      return now !== undefined && now !== supervisors[0] && (await answers(project));
    });

    await wholeHousehold(project);
  });

  test('killed together with its keeper, is gone: status says so, and up clears what is left and serves', async () => {
    const project = await serving();
    const { release } = await project.ask();
    const { keepers, supervisors, replicas } = project.processes();

    for (const pid of [...keepers, ...supervisors]) kill(pid);
    await until('they are gone', () => project.processes().supervisors.length === 0);
    const status = (await project.causeway('status', '--json')).json();
    const deploy = await project.causeway('deploy', '--json');
    const up = await project.causeway('up', '--json');

    expect(status).toMatchObject({
      state: 'stopped',
      stable: { release: expect.stringContaining(release ?? '-') },
    });
    expect([deploy.exitCode, deploy.json().error?.code]).toEqual([1, 'environment_stopped']);
    expect([up.exitCode, up.json().outcome]).toEqual([0, 'unchanged']);
    expect((await project.ask()).release).toBe(release);
    expect(project.processes().replicas.filter((pid) => replicas.includes(pid))).toEqual([]);
    await wholeHousehold(project);
  });
});

test('a replica killed under load loses no GET, and is started again', async () => {
  const project = await serving();
  const shape = presets.mixed({ scale: 0.3 }).filter(({ method = 'GET' }) => method === 'GET');
  const load = project.load(shape.filter(({ path }) => !/big|3000/.test(path)));
  await load.until(({ requests }) => requests >= 100);

  const [victim] = project.processes().replicas;
  kill(victim);
  await until('there are two again', async () => {
    const { running = [] } = (await project.causeway('status', '--json')).json();
    const isBack = !project.processes().replicas.includes(victim ?? 0);
    return isBack && running.filter(({ phase }) => phase === 'ready').length === 2;
  });
  const { requests } = load.report();
  await load.until((totals) => totals.requests >= requests + 100);

  expect((await load.stop()).failures).toEqual([]);
});

describe('at once', () => {
  test('six times up on a fresh project makes one supervisor, and all six end good', async () => {
    const project = await fresh();

    const ups = await Promise.all(Array.from({ length: 6 }, () => project.causeway('up', '--json')));

    expect(ups.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual(Array(6).fill(0));
    expect(await project.records()).toHaveLength(1);
    await wholeHousehold(project);
  });

  test('two deploys of different releases: one goes on, the other is told that it does', async () => {
    const project = await serving({ environment: { bake: '1s' } });
    project.use('good.ts', { mark: 'two' });
    const first = project.start('deploy', '--json');
    await until('the first one is under way', () => isAt(project, 'starting', 'watching one'));

    project.use('good.ts', { mark: 'three' });
    const second = await project.causeway('deploy', '--json');

    expect([second.exitCode, second.json().error?.code]).toEqual([1, 'rollout_running']);
    expect(second.json().error?.message).toMatch(/^a deploy by \S+@\S+ is under way on local for \d+ s$/);
    expect((await first.ended).exitCode).toBe(0);
    expect((await project.ask()).release).toBe((await first.ended).json().release?.slice(0, 7) ?? '');
  });

  for (const secrets of [false, true]) {
    test(`two deploys of the same release${secrets ? ' with secrets' : ''} are one rollout, and both end good`, async () => {
      const project = await serving(secrets ? { service: { secrets: { TOKEN: { env: 'TOKEN' } } } } : {}, {
        TOKEN: 'first',
      });
      project.use('good.ts', { mark: 'two' });

      const both = await Promise.all([
        project.causeway('deploy', '--json'),
        project.causeway('deploy', '--json'),
      ]);

      expect(both.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual([0, 0]);
      expect(await project.records()).toHaveLength(2);
    });
  }

  test('two rollbacks in the midst of a deploy take it out, and one of them goes on', async () => {
    const project = await serving({ environment: { bake: '20s' } });
    const { release } = await project.ask();
    project.use('good.ts', { mark: 'two' });
    const deploy = project.start('deploy', '--json');
    await until('it is watched', () => isAt(project, 'watching one'));

    const to = ['rollback', '--json', '--to', release ?? ''];
    const both = await Promise.all([project.causeway(...to), project.causeway(...to)]);

    expect(both.map(({ stdout }) => stdout).join()).not.toContain('"bug"');
    expect((await deploy.ended).json().record?.verdict).toMatchObject({ cause: 'interrupted' });
    expect((await project.ask()).release).toBe(release);
  });
});

describe('Ctrl-C', () => {
  test('during the tests of up rolls nothing out, and says so', async () => {
    const project = await fresh({ service: { test: ['sleep', '600'] } });
    const up = project.start('up');
    await up.says('test ');

    up.process.kill('SIGINT');
    const { exitCode, stderr } = await up.ended;

    expect(exitCode).toBe(130);
    expect(stderr).toContain('interrupted: the tests were stopped, and nothing was rolled out');
    expect(await project.records()).toEqual([]);
    expect(project.strays().filter((pid) => !project.processes().all.includes(pid))).toEqual([]);
  });

  test('during the hook before the rollout stops it too, and rolls nothing out', async () => {
    const project = await serving();
    const { release } = await project.ask();
    project.configure({ environment: { hooks: { before: 'touch begun; sleep 600' } } });
    project.use('good.ts', { mark: 'two' });
    const deploy = project.start('deploy');
    await until('the hook runs', () => existsSync(join(project.folder, 'begun')));

    deploy.process.kill('SIGINT');
    const { exitCode, stderr } = await deploy.ended;

    expect(exitCode).toBe(130);
    expect(stderr).toContain('interrupted: the hook before was stopped, and nothing was rolled out');
    expect((await project.ask()).release).toBe(release);
    expect(project.strays().filter((pid) => !project.processes().all.includes(pid))).toEqual([]);
  });

  for (const { args, shows } of [
    { args: ['status', '--watch'], shows: 'local serves' },
    { args: ['logs', '--follow'], shows: 'listening on' },
  ]) {
    test(`ends ${args.join(' ')} without a word of blame`, async () => {
      const project = await serving();
      const watch = project.start(...args);
      await watch.prints(shows);

      watch.process.kill('SIGINT');
      const { exitCode, stderr } = await watch.ended;

      expect([exitCode, stderr]).toEqual([130, '']);
    });
  }

  test('during the rollout ends the command, and the rollout goes on', async () => {
    const project = await serving({ environment: { bake: '1s' } });
    project.use('good.ts', { mark: 'two' });
    const deploy = project.start('deploy');
    await until('it is watched', () => isAt(project, 'watching one'));

    deploy.process.kill('SIGINT');
    const { exitCode, stderr } = await deploy.ended;
    await ended(project);

    expect(exitCode).toBe(130);
    expect(stderr).toMatch(
      /^interrupted: the rollout of \w{7} goes on by itself, and is judged all the same$/m,
    );
    expect(stderr).toContain('next: causeway status --watch');
    expect((await project.records()).at(-1)?.verdict.kind).toBe('good');
  });
});

async function fresh(options?: ProjectOptions, env: Readonly<Record<string, string>> = {}): Promise<Project> {
  const project = await makeProject(options);
  projects.push(project);
  Object.assign(project.env, env);
  return project;
}

/** Answers 500 as soon as this file is there. */
function turnsBad(file: string): string {
  return `import { existsSync } from 'node:fs';
import { isHealthCheck, serve } from './serve.ts';
serve({
  mark: 'turns-bad',
  answer: (request) =>
    !isHealthCheck(request) && existsSync(${JSON.stringify(file)}) ? new Response('', { status: 500 }) : undefined,
});
`;
}

/** A project whose first release serves, found good without a watch. */
async function serving(
  options: ProjectOptions = {},
  env?: Readonly<Record<string, string>>,
): Promise<Project> {
  const project = await fresh(options, env);
  const bake = options.environment?.bake ?? '500ms';
  project.configure({ environment: { bake: '0s' } });
  const { exitCode, stderr } = await project.causeway('up');
  if (exitCode !== 0) throw new Error(`up ended with ${exitCode}: ${stderr}`);
  project.configure({ environment: { bake } });
  return project;
}

type Moment = 'starting' | 'watching one' | 'watching all';

/** Whether the rollout is there, as its candidate's replicas show it. */
async function isAt(project: Project, ...moments: readonly Moment[]): Promise<boolean> {
  const { rollout, running = [], stable } = await hello(project);
  if (!rollout) return false;
  const mine = running.filter(({ release }) => release === rollout.release && release !== stable?.release);
  const ready = mine.filter(({ phase }) => phase === 'ready').length;
  const moment: Moment | undefined =
    mine.length === 2 && ready === 2
      ? 'watching all'
      : mine.length === 1 && ready === 1
        ? 'watching one'
        : mine.length === 1
          ? 'starting'
          : undefined;
  return moment !== undefined && moments.includes(moment);
}

/** The status as the supervisor gives it, without the time that a command takes. */
async function hello({
  paths,
}: Project): Promise<ReturnType<Awaited<ReturnType<Project['causeway']>>['json']>> {
  const response = await fetch('http://supervisor/status', { unix: paths.socket });
  return ((await response.json()) as { status: ReturnType<Awaited<ReturnType<Project['causeway']>>['json']> })
    .status;
}

function ended(project: Project): Promise<void> {
  return until('the rollout has ended', async () => {
    const status = await hello(project).catch(() => undefined);
    return status?.state === 'serving';
  });
}

async function answers(project: Project): Promise<boolean> {
  return (await project.ask().catch(() => undefined))?.status === 200;
}

/** One supervisor, one keeper, two replicas. */
function wholeHousehold(project: Project): Promise<void> {
  return until('one supervisor, one keeper and two replicas run', () => {
    const { supervisors, keepers, replicas } = project.processes();
    return supervisors.length === 1 && keepers.length === 1 && replicas.length === 2;
  });
}

function kill(pid: number | undefined): void {
  if (pid === undefined) throw new Error('there is no such process');
  process.kill(pid, 'SIGKILL');
}
