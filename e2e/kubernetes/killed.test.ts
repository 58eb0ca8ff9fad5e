import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { seed, sized } from '../proof.ts';
import type { Load } from './load.ts';
import type { Project } from './project.ts';
import { candidateReady, serving, settled } from './serving-project.ts';

/** How many rollouts. */
const rounds = sized({ ci: 6, full: 30 });

setDefaultTimeout(60_000 + rounds * 40_000);

/** From the command's first moments to its last. */
const longestMs = 10_000;

const kind = await have('a cluster', findCluster);
if (kind) describe(`the command is killed in mid-rollout, by the seed ${seed}`, testKilled);

function testKilled(): void {
  let cluster: Cluster;
  let project: Project;
  let load: Load;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster);
    load = await project.load();
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test(`${rounds} times at a random moment: the next command sees it, and ends what was begun`, async () => {
    const random = seededRandom(seed);
    for (let round = 0; round < rounds; round += 1) {
      const isGood = random() < 0.6;
      const afterMs = random() * longestMs;
      const isTakenOut = random() < 0.5;
      const about = `seed ${seed}, round ${round}: killed after ${Math.round(afterMs)} ms`;
      const stable = (await project.ask()).release ?? '';
      // A good one may take a busy machine longer; of a bad one the deadline is waited for.
      project.configure({ environment: { deadlines: { start: isGood ? '60s' : '9s' } } });
      if (isGood) project.use('good.ts', { mark: `round ${round} of ${seed}` });
      else project.use('never-ready.ts');
      const deploy = project.start('deploy');
      await Promise.race([Bun.sleep(afterMs), deploy.ended]);
      deploy.process.kill('SIGKILL');
      await deploy.ended;

      const seen = (await project.causeway('status', '--json')).json();
      const next = isTakenOut
        ? await project.causeway('rollback', '--to', stable, '--json')
        : await project.causeway('deploy', '--json');
      await settled(project);

      const after = (await project.causeway('status', '--json')).json();
      if (seen.rollout) expect(['rolling-out', 'degraded'], about).toContain(seen.state ?? '');
      expect([0, isGood || isTakenOut ? 0 : 3], `${about}: ${next.stderr}`).toContain(next.exitCode ?? -1);
      expect([after.state, after.rollout], about).toEqual(['serving', undefined]);
      expect(after.stable?.release.slice(0, 7), about).toBe((await project.ask()).release ?? '');
      if (isTakenOut) expect((await project.ask()).release, about).toBe(stable);
      await load.more(100);
      expect(load.report().failures, about).toEqual([]);
    }
  });

  test('a bad candidate whose command never comes back is taken out by the switch', async () => {
    const { release: stable } = await project.ask();
    const before = await project.records();
    project.configure({ environment: { bake: '5m' } });
    project.use('good.ts', { mark: `left alone, ${seed}` });
    const deploy = project.start('deploy');
    await candidateReady(project, stable ?? '');

    deploy.process.kill('SIGKILL');
    await deploy.ended;
    await settled(project, { withinMs: 120_000 });

    expect((await project.ask()).release).toBe(stable);
    const after = await project.records();
    expect(after.length).toBe(before.length + 1);
    expect(after.at(-1)?.verdict).toMatchObject({ kind: 'failed', cause: 'interrupted' });
    expect((await project.causeway('status', '--json')).json().state).toBe('serving');
    expect((await load.stop()).failures).toEqual([]);
  });
}
