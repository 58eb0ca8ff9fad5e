import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { birthOf } from '../../src/local/birth.ts';
import { makeProject, mustEnd, type Project, stackLine, until } from '../local/project.ts';
import { replays, seed, sized } from '../proof.ts';
import { endAll } from './end-all.ts';

const rounds = sized({ ci: 2, full: 50 });

setDefaultTimeout(120_000 + rounds * 10_000);
const projects: Project[] = [];

afterEach(async () => {
  for (const project of projects.splice(0)) await project[Symbol.asyncDispose]();
});

describe('after a loss of power', () => {
  test('at rest, with lock and socket still there, status says what is, deploy that up is needed, and up serves as before', async () => {
    const project = await serving();
    const { release } = await project.ask();
    const records = await project.records();

    await endAll(project);
    const isLeft = [project.paths.lock, project.paths.socket].map(existsSync);
    const status = await mustEnd(project.causeway('status', '--json'), 0);
    const deploy = await mustEnd(project.causeway('deploy', '--json'), 1);
    const up = await mustEnd(project.causeway('up', '--json'), 0);

    expect(isLeft).toEqual([true, true]);
    expect(status.json()).toMatchObject({ state: 'stopped', because: 'its supervisor has ended' });
    expect(deploy.json().error).toMatchObject({
      code: 'environment_stopped',
      hint: expect.stringContaining('causeway up local'),
    });
    expect(up.json().outcome).toBe('unchanged');
    expect(await project.ask()).toMatchObject({ status: 200, release });
    expect(await project.records()).toEqual(records);
  });

  test(`${rounds} times in mid-rollout: up starts what was stable, records what was begun, and rolls out (CAUSEWAY_SEED=${seed})`, async () => {
    const random = seededRandom(seed);
    const project = await serving({ bake: '400ms' });

    for (let round = 0; round < rounds; round += 1) {
      const before = await project.records();
      const afterMs = random() * 1_500;
      const told = `${replays}; round ${round}, after ${Math.round(afterMs)} ms`;
      project.use('good.ts', { mark: `round ${round}` });
      const deploy = project.start('deploy');
      await Promise.race([Bun.sleep(afterMs), deploy.ended]);
      deploy.process.kill('SIGKILL');
      await endAll(project);
      const { rollout } = JSON.parse(readFileSync(project.paths.desired, 'utf8'));

      const up = await project.causeway('up', '--json');

      expect(up.exitCode, `${told}: ${up.stderr}`).toBe(0);
      const after = await project.records();
      expect(after.slice(0, before.length), told).toEqual([...before]);
      if (rollout)
        expect(
          after.map(({ id }) => id),
          told,
        ).toContain(rollout.id);
      expect((await project.ask()).release, told).toBe(up.json().release?.slice(0, 7) ?? '');
    }
  });

  test('pids that belong to other programs now are left alone', async () => {
    const project = await serving();
    const { lock, census } = project.paths;
    const others = [0, 1, 2].map(() =>
      Bun.spawn(['sleep', '600'], { stdio: ['ignore', 'ignore', 'ignore'] }),
    );
    await endAll(project);
    const [first = 0, second = 0, third = 0] = others.map(({ pid }) => pid);
    const held = JSON.parse(readFileSync(lock, 'utf8'));
    const ofBefore = held.birth;
    writeFileSync(lock, JSON.stringify({ ...held, pid: first, keeper: { pid: second, birth: ofBefore } }));
    // As of the boot before, whose ticks may be the same.
    const ticks = birthOf(third)?.split(':')[1];
    writeFileSync(census, JSON.stringify([{ pid: third, birth: `another-boot:${ticks}` }]));

    const status = await mustEnd(project.causeway('status', '--json'), 0);
    await mustEnd(project.causeway('up', '--json'), 0);
    await mustEnd(project.causeway('down'), 0);

    expect(status.json().state).toBe('stopped');
    expect(others.map(({ exitCode, signalCode }) => [exitCode, signalCode])).toEqual(
      Array(3).fill([null, null]),
    );
    for (const other of others) other.kill();
  });
});

test('the state folder deleted in mid-rollout: what serves goes on, and the next deploy is rolled out', async () => {
  const random = seededRandom(seed);
  const project = await serving({ bake: '400ms' });
  for (let round = 0; round < rounds; round += 1) {
    const afterMs = random() * 1_200;
    const told = `${replays}; round ${round}, after ${Math.round(afterMs)} ms`;
    project.use('good.ts', { mark: `deleted ${round}` });
    const deploy = project.start('deploy', '--json');
    await Promise.race([Bun.sleep(afterMs), deploy.ended]);

    Bun.spawnSync(['rm', '-rf', project.paths.root]);
    const ended = await deploy.ended;
    const serves = await project.ask();
    project.use('good.ts', { mark: `after ${round}` });
    const next = await project.causeway('up', '--json');

    expect(serves.status, told).toBe(200);
    expect(ended.stderr, told).not.toMatch(stackLine);
    expect([next.exitCode, next.json().outcome], `${told}\n${ended.stderr}\n${next.stderr}`).toEqual([
      0,
      'good',
    ]);
    const { supervisors, keepers } = project.processes();
    expect([supervisors.length, keepers.length], told).toEqual([1, 1]);
    await until('two replicas run', () => project.processes().replicas.length === 2);
  }
});

async function serving({ bake = '0s' }: { readonly bake?: '0s' | '400ms' } = {}): Promise<Project> {
  const project = await makeProject({ environment: { bake: '0s', deadlines: { start: '5s' } } });
  projects.push(project);
  await mustEnd(project.causeway('up'), 0);
  project.configure({ environment: { bake } });
  return project;
}
