import { expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { recordSchema } from '../../src/core/record.ts';
import { pick, seededRandom } from '../../src/core/seeded-random.ts';
import { presets } from '../../src/load/shape.ts';
import { parseJson } from '../../src/local/json.ts';
import { makeProject, processesOf, stackLine, until } from '../local/project.ts';
import { replays, seed, sized } from '../proof.ts';

const rounds = sized({ ci: 3, full: 60 });

/** One that ends again and again, each time within ten seconds, is at last left alone. */
const loopMs = 12_000;

setDefaultTimeout(60_000 + rounds * 30_000);

const canMount = process.platform === 'linux' && process.getuid?.() === 0;
if (!canMount) console.log('skipped: a disk that fills up; it takes mounting, as root on Linux');

test.skipIf(!canMount)(
  `a disk that fills up at a random moment, ${rounds} times: the rollout ends or is refused, nothing is half-written, no request lost (CAUSEWAY_SEED=${seed})`,
  async () => {
    const random = seededRandom(seed);
    await using project = await makeProject({ environment: { bake: '300ms', deadlines: { start: '5s' } } });
    using disk = mountDisk(join(project.base, 'a disk'));
    project.env.XDG_STATE_HOME = disk.place;
    expect((await project.causeway('up')).exitCode).toBe(0);
    const root = rootIn(disk.place);
    const load = project.load(presets.plain({ scale: 0.1 }));
    let records = recordsIn(root);
    let supervisorKilledAt = Number.NEGATIVE_INFINITY;

    for (let round = 0; round < rounds; round += 1) {
      const afterMs = random() * 1_200;
      const chosen = pick(random, ['none', 'replica', 'supervisor'] as const);
      const isLoop = chosen === 'supervisor' && performance.now() - supervisorKilledAt < loopMs;
      const victim = isLoop ? 'replica' : chosen;
      if (victim === 'supervisor') supervisorKilledAt = performance.now();
      const told = `${replays}; round ${round}: full after ${Math.round(afterMs)} ms, ${victim} killed then`;
      project.use('good.ts', { mark: `round ${round}` });
      const deploy = project.start('deploy', '--json');
      await Promise.race([Bun.sleep(afterMs), deploy.ended]);

      disk.fill();
      const pid = victim === 'none' ? undefined : processesOf(root)[`${victim}s`][0];
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      const ended = await deploy.ended;
      await until(
        `it serves; ${told}`,
        async () => (await project.ask().catch(() => undefined))?.status === 200,
      );
      const reads = [
        await project.causeway('status', '--json'),
        await project.causeway('releases', '--json'),
      ];
      disk.empty();
      const next = await project.causeway('up', '--json');

      // One that was killed may not be replaced yet when the command looks for it.
      const refusals = ['state_not_writable', 'supervisor_failed', 'environment_stopped'];
      const ways = { 0: [undefined], 1: refusals, 3: ['rollout_failed'] };
      const code = ended.exitCode === 0 ? undefined : ended.json().error?.code;
      expect(ways[(ended.exitCode ?? 2) as keyof typeof ways], `${told}\n${ended.stderr}`).toContain(code);
      expect(ended.stderr, told).not.toMatch(stackLine);
      expect(
        reads.map(({ exitCode }) => exitCode),
        told,
      ).toEqual([0, 0]);
      expect(next.exitCode, `${told}\n${next.stderr}`).toBe(0);
      expect((await project.ask()).release, told).toBe(next.json().release?.slice(0, 7) ?? '');
      const after = recordsIn(root);
      expect(after.slice(0, records.length), told).toEqual([...records]);
      records = after;
      await until('two replicas run', () => processesOf(root).replicas.length === 2);
    }

    const { causes } = await load.stop();
    const { refused, reset, cut, ...others } = causes;
    expect(
      Object.values(others).every((count) => count === 0),
      JSON.stringify(causes),
    ).toBe(true);
    expect((await project.causeway('down')).exitCode).toBe(0);
    expect(project.strays()).toEqual([]);
  },
);

/** Each line must be whole, but for one that the full disk cut off. */
function recordsIn(root: string): readonly string[] {
  const path = join(root, 'history.jsonl');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return lines.filter((line) => recordSchema.safeParse(parseJson(line)).success);
}

function rootIn(place: string): string {
  const folder = join(place, 'causeway');
  return join(folder, readdirSync(folder)[0] ?? '');
}

function mountDisk(place: string) {
  mkdirSync(place, { recursive: true });
  const { exitCode, stderr } = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=300m', 'tmpfs', place]);
  if (exitCode !== 0) throw new Error(`cannot mount: ${stderr}`);
  const ballast = join(place, 'ballast');
  return {
    place,
    fill: () => void Bun.spawnSync(['dd', 'if=/dev/zero', `of=${ballast}`, 'bs=64k'], { stderr: 'ignore' }),
    empty: () => rmSync(ballast, { force: true }),
    [Symbol.dispose]: () => void Bun.spawnSync(['umount', '--lazy', place]),
  };
}
