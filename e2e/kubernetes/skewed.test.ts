import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd } from '../local/project.ts';
import { giveOtherClock, type OtherClock } from './other-clock.ts';
import type { Project } from './project.ts';
import { candidateReady, serving } from './serving-project.ts';

setDefaultTimeout(120_000);

const bakeMs = 3_000;

const kind = await have('a cluster', findCluster);
if (kind) describe('a command by a clock that is off by minutes', testSkewed);

function testSkewed(): void {
  let cluster: Cluster;
  let project: Project;
  let clock: OtherClock;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster);
    clock = giveOtherClock(project);
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  for (const minutes of [-10, 10]) {
    const way = minutes < 0 ? 'back' : 'forward';
    const old = minutes < 0 ? '10 minutes old' : 'of in 10 minutes';

    test(`finds another’s lock held that is ${old} by it, and that one’s rollout goes on`, async () => {
      clock.remove();
      const stable = (await project.ask()).release ?? '';
      project.configure({ environment: { bake: '1s' } });
      project.use('good.ts', { mark: `of the right clock, ${old}` });
      const deploy = project.start('deploy', '--json');
      await candidateReady(project, stable);
      clock = giveOtherClock(project, -minutes);
      project.use('good.ts', { mark: 'of somebody else' });

      const other = await project.causeway('deploy', '--json');

      const { error } = other.json();
      expect([other.exitCode, error?.code], other.stderr).toEqual([1, 'rollout_running']);
      expect(error?.message).toMatch(/ is under way on test for [\d.]+ s$/);
      expect((await mustEnd(deploy.ended)).json().record?.verdict).toEqual({ kind: 'good' });
    });

    test(`that is put ${way} in the midst of a rollout watches each bake whole`, async () => {
      clock.set(-minutes);
      const stable = (await project.ask()).release ?? '';
      project.configure({ environment: { bake: '3s' } });
      project.use('good.ts', { mark: `when the clock was put ${way}` });
      const deploy = project.start('deploy', '--json');
      await candidateReady(project, stable);
      const before = performance.now();

      clock.set(minutes);

      await deploy.says('verdict');
      // The first bake begins anew, and the second comes after it.
      expect(performance.now() - before).toBeGreaterThan(2 * bakeMs);
      const { json } = await mustEnd(deploy.ended);
      const { release = '', record } = json();
      expect(Math.round(((record?.startedAt ?? 0) - Date.now()) / 60_000)).toBe(-minutes);
      expect(record).toMatchObject({ verdict: { kind: 'good' }, traffic: { lost: 0 } });
      expect((await project.ask()).release).toBe(release.slice(0, 7));
      expect((await project.records()).at(-1)?.id).toBe(record?.id ?? '');
    });
  }

  test('reads the logs of the last minutes by the clock of the cluster', async () => {
    clock.set(10);

    const ahead = await mustEnd(project.causeway('logs', '--since', '5m', '--json'));
    clock.set(-10);
    const behind = await mustEnd(project.causeway('logs', '--since', '1s', '--json'));

    expect(ahead.json().lines?.length).toBeGreaterThan(0);
    expect(behind.json().lines?.length ?? 0).toBeLessThan(ahead.json().lines?.length ?? 0);
    clock.remove();
  });

  test('tells the history of rollouts in the order in which they were', async () => {
    const records = await project.records();

    const releases = records.slice(1).map(({ release }) => release);
    const replaced = records.map(({ replaces }) => replaces).slice(2);
    expect(replaced).toEqual(releases.slice(0, -1));
  });
}
