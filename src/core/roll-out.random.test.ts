import { expect, test } from 'bun:test';
import { UserError } from './errors.ts';
import type { Behaviour } from './fake-replica.ts';
import { clearAway, deploy, endOf, type FakeRolloutOptions, fakeRunning, rollBack } from './fake-rollout.ts';
import { DriverCrash, FakeTarget } from './fake-target.ts';
import { belongsTo } from './rollout.ts';
import { pick, seededRandom } from './seeded-random.ts';

const runs = 300;
const commandsPerRun = 6;
const names = ['a', 'b', 'c', 'd'] as const;
const secretSets = [undefined, 'amber', 'birch'] as const;

const replay = process.env.CAUSEWAY_SEED;
const firstSeed = replay === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(replay);

test('no releases, crashes and commands in any order break a promise', async () => {
  for (let seed = firstSeed; seed < firstSeed + (replay === undefined ? runs : 1); seed += 1) {
    const story: string[] = [];

    const faults = await play(seed, story).catch((error: unknown) => [String(error)]);

    expect(faults, `CAUSEWAY_SEED=${seed} replays this:\n${story.join('\n')}`).toEqual([]);
  }
});

async function play(seed: number, story: string[]): Promise<readonly string[]> {
  const random = seededRandom(seed);
  const target = makeTarget(random, seed);
  for (let n = 0; n < commandsPerRun; n += 1) {
    const wanted = makeCommand(random);
    const end = await wanted.run(target).then(endOf, errorName);
    story.push(`${target.now} ${wanted.title}: ${end}`);
    if (target.broken.length > 0) return target.broken;
  }
  while (endOf(await clearAway(target)) === 'unknown') story.push(`${target.now} unknown`);
  return faultsOf(target);
}

function makeTarget(random: () => number, seed: number): FakeTarget {
  const behaviours = Object.fromEntries(names.map((name) => [name, makeBehaviour(random)]));
  const from = 1_000_000 + random() * 30_000;
  const target = new FakeTarget({
    behaviours,
    seed,
    replicas: pick(random, [1, 2, 3, 5, 'autoscaled'] as const),
    stepMs: pick(random, [100, 250, 1_000]),
    requestsPerSecond: pick(random, [0, 5, 60]),
    unreachable: random() < 0.3 ? [{ from, to: from + random() * 40_000 }] : [],
    sleeps: random() < 0.3 ? [{ at: 1_000_000 + random() * 30_000, forMs: random() * 100_000 }] : [],
  });
  if (random() < 0.7) target.serve(fakeRunning(pick(random, names)));
  return target;
}

function makeBehaviour(random: () => number): Behaviour {
  const atAge = random() * 8_000;
  const behaviours: readonly Behaviour[] = [
    { readyAtAge: random() * 3_000 },
    { drainMs: random() * 4_000 },
    { ends: { atAge, exitCode: pick(random, [0, 1, 137]) }, restartMs: pick(random, [0, 500, 5_000]) },
    { readyAtAge: Infinity },
    { failingPath: '/' },
    { errorShare: (age) => (age > atAge ? 0.3 : 0) },
    { hangsAtAge: atAge },
    { isUnwell: (now) => now % 3_000 < atAge / 4 },
    { latencyMs: (inner) => 10 + 500 * inner() },
    { command: 'fails' },
    { command: 'forgotten' },
  ];
  return random() < 0.4 ? {} : pick(random, behaviours);
}

function makeCommand(random: () => number) {
  const name = pick(random, names);
  const secretSet = pick(random, secretSets);
  const options: FakeRolloutOptions = {
    rules: { bakeMs: pick(random, [0, 500, 2_000]) },
    hasCommand: name === 'd',
    isAgain: random() < 0.3,
    surge: pick(random, ['all', 'one', 'none'] as const),
    ...(secretSet === undefined ? {} : { secretSet }),
    ...(random() < 0.5
      ? { crash: { atCall: 1 + Math.floor(random() ** 2 * 80), isAfter: random() < 0.5 } }
      : {}),
    ...(random() < 0.1 ? { replicas: 1 + Math.floor(random() * 4) } : {}),
  };
  const run = pick(random, [
    (target: FakeTarget) => deploy(target, name, options),
    (target: FakeTarget) => deploy(target, name, options),
    (target: FakeTarget) => rollBack(target, name, options),
    (target: FakeTarget) => clearAway(target, options),
    (target: FakeTarget) => giveUpSoon(target, name, options, Math.floor(random() * 40)),
  ]);
  return { run, title: `${name} ${JSON.stringify(options)}` };
}

function giveUpSoon(target: FakeTarget, name: string, options: FakeRolloutOptions, events: number) {
  const giveUp = new AbortController();
  let left = events;
  const onEvent = () => {
    left -= 1;
    if (left < 0) giveUp.abort('given up');
  };
  return deploy(target, name, { ...options, giveUp: giveUp.signal, onEvent });
}

/** Crashes and refusals belong to the story; everything else is a fault. */
function errorName(error: unknown): string {
  if (error instanceof DriverCrash) return `died ${error.message}`;
  if (error instanceof UserError && error.code === 'command_unknown') return error.code;
  throw error;
}

function faultsOf({ desired, records, replicas, rollouts, broken, now }: FakeTarget): readonly string[] {
  const ids = records.map(({ id }) => id);
  const own = replicas.filter((replica) => belongsTo(replica, desired.stable));
  const isWell = own.every((replica) => replica.isReady(now));
  // What a bad release left serves on where the stable one does not become ready again.
  const strangers = isWell ? replicas.filter((replica) => !own.includes(replica)) : [];
  return [
    ...broken,
    ...(desired.rollout || desired.candidate ? ['a rollout is left'] : []),
    ...(new Set(ids).size === ids.length && ids.length === rollouts.size
      ? []
      : [`${ids.length} records of ${rollouts.size} rollouts`]),
    ...strangers.map(({ id, key }) => `${id} of ${key} is left`),
  ];
}
