import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, linkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RolloutRecord } from '../../src/core/record.ts';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { type Ended, makeProject, mustEnd, type Project, stackLine, until } from '../local/project.ts';
import { replays, seed, sized } from '../proof.ts';
import { type DamageName, damage, damages, type FileKind, kinds } from './damage.ts';
import { endAll } from './end-all.ts';

const moments = ['at rest', 'while it serves', 'and its supervisor killed'] as const;
type Moment = (typeof moments)[number];

const random = seededRandom(seed);
const cases = Object.keys(kinds).flatMap((kind) =>
  Object.keys(damages).flatMap((how) =>
    moments.map((moment) => ({ kind: kind as FileKind, how: how as DamageName, moment })),
  ),
);
const count = sized({ ci: 10, full: cases.length });

setDefaultTimeout(120_000);

let project: Project;
let whole: string;
let records: readonly RolloutRecord[];

beforeAll(async () => {
  project = await makeProject({
    service: { secrets: { TOKEN: { env: 'TOKEN' } } },
    environment: { bake: '0s', deadlines: { start: '5s' } },
  });
  project.env.TOKEN = 'crocus';
  await mustEnd(project.causeway('up'));
  project.use('good.ts', { mark: 'two' });
  await mustEnd(project.causeway('deploy'));
  await endAll(project);
  records = await project.records();
  whole = join(project.base, 'whole state');
  copyState(project.paths.root, whole);
});

afterAll(() => project?.[Symbol.asyncDispose]());

for (const { kind, how, moment } of chosen()) {
  test(`the ${kind} ${how}, ${moment}: every command ends with what it found, and \`up\` serves again`, async () => {
    const told = `${replays}: ${kind} ${how}, ${moment}`;
    await begin(moment);

    damage(project.paths, kind, how, random);
    if (moment === 'and its supervisor killed') await killSupervisor();
    const reads = [];
    for (const args of [['status'], ['releases'], ['logs'], ['plan']])
      reads.push(await project.causeway(...args, '--json'));
    const up = await mend(await project.causeway('up', '--json'));
    const answer = await project.ask().catch(() => undefined);

    for (const ended of [...reads, up]) expectPlain(ended, told);
    expect([up.exitCode, answer?.status], `${told}\n${up.stderr}`).toEqual([0, 200]);
    if (kind !== 'history')
      expect((await project.records()).slice(0, records.length), told).toEqual([...records]);
    const down = await project.causeway('down', '--json');
    expectPlain(down, told);
    expect([down.exitCode, project.strays()], `${told}\n${down.stderr}`).toEqual([0, []]);
  });
}

/** All of them, or as many by the seed. */
function chosen() {
  const left = [...cases];
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)).flat();
}

async function begin(moment: Moment): Promise<void> {
  await endAll(project);
  rmSync(project.paths.root, { recursive: true, force: true });
  copyState(whole, project.paths.root);
  if (moment !== 'at rest') await mustEnd(project.causeway('up'));
}

async function killSupervisor(): Promise<void> {
  const [pid = 0] = project.processes().supervisors;
  process.kill(pid, 'SIGKILL');
  await until('it is gone', () => !project.processes().supervisors.includes(pid));
}

/** Does what the hint says where it names a file that is beyond mending. */
async function mend(up: Ended): Promise<Ended> {
  const { code, message = '', hint = '' } = (up.exitCode === 0 ? undefined : up.json().error) ?? {};
  const corrupt = /^(\/.+?) is a folder, and was a file$/.exec(message);
  const inTheWay = /^cannot write (\/.+?): a folder is in its place$/.exec(message);
  const path =
    code === 'state_corrupt' && hint.startsWith('move it away')
      ? corrupt?.[1]
      : code === 'state_not_writable'
        ? inTheWay?.[1]
        : undefined;
  if (path === undefined) return up;
  rmSync(path, { recursive: true });
  return project.causeway('up', '--json');
}

/** It worked, or it is told in the product's words; a stack would be a bug. */
function expectPlain({ exitCode, stdout, stderr, json }: Ended, told: string): void {
  expect(`${stdout}${stderr}`, told).not.toMatch(stackLine);
  if (exitCode === 0) return;
  const { code, message, hint } = json().error ?? {};
  expect([typeof code, typeof message, typeof hint], `${told}\n${stdout}${stderr}`).toEqual(
    Array(3).fill('string'),
  );
  expect(code, `${told}\n${stderr}`).not.toBe('bug');
}

/** The runtime is 100 MB, and nobody writes to it. */
function copyState(from: string, to: string): void {
  const runtime = join('runtime', 'bun');
  cpSync(from, to, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => path !== join(from, runtime),
  });
  linkSync(join(from, runtime), join(to, runtime));
}
