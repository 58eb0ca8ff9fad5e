import { expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { presets } from '../../src/load/shape.ts';
import { unpackPrograms } from '../images/debian.ts';
import { have } from '../images/have.ts';
import { makeProject, type Project, until } from '../local/project.ts';
import { endAll } from './end-all.ts';

setDefaultTimeout(120_000);

const library = await have('libfaketime', findLibrary);

if (library)
  test('the clock set back by an hour in mid-rollout ends no rollout and loses no request, and what crashes then is started again', async () => {
    await using project = await makeProject({ environment: { bake: '500ms' } });
    await project.causeway('up');
    const clock = join(project.base, 'clock');
    writeFileSync(clock, '+0');
    await startAgain(project, {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      // The clock that cannot be set is left as it is, as the system does.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    const load = project.load(presets.plain({ scale: 0.2 }));
    project.use('good.ts', { mark: 'two' });
    const deploy = project.start('deploy', '--json');
    await until('the candidate is beside them', () => project.processes().replicas.length === 3);

    writeFileSync(clock, '-3600');
    const ended = await deploy.ended;
    const [victim = 0] = project.processes().replicas;
    process.kill(victim, 'SIGKILL');
    await until('another is in its place', () => {
      const { replicas } = project.processes();
      return replicas.length === 2 && !replicas.includes(victim);
    });
    project.use('crash-at-start.ts');
    const bad = await project.causeway('deploy', '--json');
    const [last] = (await project.causeway('releases', '--json')).json().rollouts ?? [];
    const { failures } = await load.stop();

    expect([ended.exitCode, ended.json().outcome]).toEqual([0, 'good']);
    expect([bad.exitCode, bad.json().record?.verdict]).toMatchObject([3, { cause: 'crashed' }]);
    expect(last?.startedAt).toBeLessThan(Date.now() - 3_000_000);
    expect((await project.causeway('releases')).stdout).not.toMatch(/ -\d/);
    expect(failures).toEqual([]);
  });

/** The supervisor that runs, once more, with these variables; it passes none of them on. */
async function startAgain(project: Project, variables: Readonly<Record<string, string>>): Promise<void> {
  const [pid = 0] = project.processes().supervisors;
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  await endAll(project);
  const env = { ...project.env, ...variables };
  Bun.spawn(argv, { cwd: '/', env, stdio: ['ignore', 'ignore', 'ignore'], detached: true }).unref();
  await until('it serves', async () => (await project.ask().catch(() => undefined))?.status === 200);
}

async function findLibrary(): Promise<string> {
  const system = await find('/usr/lib');
  if (system) return system;
  const unpacked = await find(join(await unpackPrograms(['libfaketime']), 'usr', 'lib'));
  if (!unpacked) throw new Error('its package holds no libfaketime.so.1');
  return unpacked;
}

async function find(folder: string): Promise<string | undefined> {
  if (!existsSync(folder)) return undefined;
  for await (const path of new Glob('*/faketime/libfaketime.so.1').scan({ cwd: folder, absolute: true }))
    return path;
  return undefined;
}
