import { describe, expect, test } from 'bun:test';
import { UnreachableError, UserError } from './errors.ts';
import type { Behaviour } from './fake-replica.ts';
import { clearAway, deploy, endOf, type FakeRolloutOptions, fakeRunning, rollBack } from './fake-rollout.ts';
import { type Crash, DriverCrash, FakeTarget } from './fake-target.ts';
import type { Outcome } from './roll-out.ts';

interface Flow {
  /** What serves before; nothing if absent. */
  readonly stable?: string;
  readonly options?: FakeRolloutOptions;
  readonly behaviour?: Behaviour;
  /** How it ends when nothing crashes, and when it is gone on with. */
  readonly end: string;
}

const rules = { bakeMs: 300 };
const flows: Record<string, Flow> = {
  'a good first release': { end: 'good' },
  'a bad first release': { behaviour: { failingPath: '/' }, end: 'declared-path' },
  'a good release': { stable: 'a', end: 'good' },
  'a release that crashes': {
    stable: 'a',
    behaviour: { ends: { atAge: 400, exitCode: 1 } },
    end: 'crashed',
  },
  'a release that makes errors': { stable: 'a', behaviour: { errorShare: () => 0.5 }, end: 'errors' },
  'a release with a command': { stable: 'a', options: { hasCommand: true }, end: 'good' },
  'a release whose command fails': {
    stable: 'a',
    options: { hasCommand: true },
    behaviour: { command: 'fails' },
    end: 'command',
  },
  'a rollback': { stable: 'a', options: { kind: 'rollback' }, end: 'good' },
  'a rollback to a release that no longer starts': {
    stable: 'a',
    options: { kind: 'rollback' },
    behaviour: { failingPath: '/' },
    end: 'declared-path',
  },
  'a good release with room for one more': { stable: 'a', options: { surge: 'one' }, end: 'good' },
  'a release that turns bad while stable replicas give way one by one': {
    stable: 'a',
    options: { surge: 'one' },
    behaviour: { errorShare: (age) => (age > 700 ? 0.5 : 0) },
    end: 'errors',
  },
  'a good release without room': { stable: 'a', options: { surge: 'none' }, end: 'good' },
  'a release that turns bad in the place of stable replicas': {
    stable: 'a',
    options: { surge: 'none' },
    behaviour: { errorShare: (age) => (age > 700 ? 0.5 : 0) },
    end: 'errors',
  },
  'a rollback without room': { stable: 'a', options: { kind: 'rollback', surge: 'none' }, end: 'good' },
  'a new secret set': { stable: 'b', options: { secretSet: 'birch' }, end: 'good' },
};

const followers: Record<string, (target: FakeTarget, flow: Flow) => Promise<Outcome>> = {
  'the same release': (target, { options }) => deploy(target, 'b', { rules, ...options }),
  'another release': (target) => deploy(target, 'c', { rules }),
  'a rollback': (target) => rollBack(target, 'd', { rules }),
  takeOut: (target) => clearAway(target, { rules }),
};

for (const [title, flow] of Object.entries(flows)) {
  describe(`when the driver of ${title} dies, at any call`, () => {
    for (const [follower, follow] of Object.entries(followers)) {
      test(`${follower} brings the environment to a consistent end`, async () => {
        const crashes = await listCrashes(flow);

        for (const crash of crashes) {
          const target = place(flow);
          const cut = await start(target, flow, crash).then(endOf, crashName);
          const end = await follow(target, flow).then(endOf, refusal);

          const story = `${title}, ${JSON.stringify(crash)} ${cut}, then ${follower}: ${end}`;
          expect(faultsOf(target), story).toEqual([]);
          if (follower === 'the same release')
            expect([flow.end, 'unchanged', 'command-unknown'], story).toContain(end);
          if (follower === 'another release' || follower === 'a rollback') expect(end, story).toBe('good');
          if (follower === 'takeOut')
            expect(['unchanged', 'interrupted', 'command-unknown', flow.end], story).toContain(end);
        }

        expect(crashes.length).toBeGreaterThan(20);
      });
    }
  });
}

test('a rollout that was judged before its driver died ends as it was judged', async () => {
  for (const [title, flow] of Object.entries(flows)) {
    for (const crash of await listCrashes(flow)) {
      const target = place(flow);
      await start(target, flow, crash).catch(() => undefined);
      const { rollout } = target.desired;
      if (!rollout?.judged) continue;

      await clearAway(target, { rules });

      const record = target.records.find(({ id }) => id === rollout.id);
      const { evidence: _, ...judged } = { evidence: undefined, ...rollout.judged };
      expect(record?.verdict, `${title} ${JSON.stringify(crash)}`).toMatchObject(judged);
    }
  }
});

for (const [title, flow] of Object.entries(flows)) {
  test(`when one call of ${title} gets no answer, any one, it ends as ever, or with unknown and then by the same command`, async () => {
    for (const crash of await listCrashes(flow)) {
      const target = place(flow);

      const end = await start(target, flow, { ...crash, isUnanswered: true })
        .then(endOf, unanswered)
        .then((first) => (first === 'unanswered' ? startAgain(target, flow) : first));

      const story = `${title}, ${JSON.stringify(crash)}: ${end}`;
      expect(faultsOf(target), story).toEqual([]);
      expect([flow.end, 'unchanged', 'command-unknown'], story).toContain(end);
    }
  });
}

test('once a rollout is watched, a call that gets no answer does not end the command', async () => {
  for (const name of ['set', 'append']) {
    const flow: Flow = { stable: 'a', behaviour: { errorShare: () => 0.5 }, end: 'errors' };
    const target = place(flow);
    await start(target, flow);
    const atCall = target.calls.lastIndexOf(name) + 1;
    const again = place(flow);

    const outcome = await start(again, flow, { atCall, isAfter: false, isUnanswered: true });

    expect(endOf(outcome)).toBe('errors');
    expect(again.records).toHaveLength(1);
  }
});

function place({ stable, behaviour = {} }: Flow): FakeTarget {
  const target = new FakeTarget({ behaviours: { b: behaviour } });
  if (stable) target.serve(fakeRunning(stable));
  return target;
}

function start(target: FakeTarget, { options }: Flow, crash?: Crash): Promise<Outcome> {
  return deploy(target, 'b', { rules, ...options, ...(crash ? { crash } : {}) });
}

/** Once the lock has run out that a command took and was not told of. */
function startAgain(target: FakeTarget, flow: Flow): Promise<string> {
  target.free();
  return start(target, flow).then(endOf, refusal);
}

/** Every call that the flow makes when nothing goes wrong, each once before its effect and once after it. */
async function listCrashes(flow: Flow): Promise<Crash[]> {
  const target = place(flow);
  expect(endOf(await start(target, flow))).toBe(flow.end);
  return target.calls.flatMap((_, index) => [
    { atCall: index + 1, isAfter: false },
    { atCall: index + 1, isAfter: true },
  ]);
}

/** What a consistent end would not show. */
function faultsOf(target: FakeTarget): string[] {
  const { desired, records, replicas, rollouts, broken, now } = target;
  const ids = records.map(({ id }) => id);
  const wanted = desired.stable ? desired.replicas : 0;
  return [
    ...broken,
    ...(desired.rollout || desired.candidate ? ['a rollout is left'] : []),
    ...[...rollouts].filter((id) => ids.filter((each) => each === id).length !== 1),
    ...(ids.length === rollouts.size ? [] : [`${ids.length} records of ${rollouts.size} rollouts`]),
    ...(replicas.length === wanted ? [] : [`${replicas.length} replicas instead of ${wanted}`]),
    ...(replicas.every((replica) => replica.isReady(now)) ? [] : ['not all replicas are ready']),
    ...records.filter(({ traffic }) => traffic.lost > 0).map(({ id }) => `${id} lost requests`),
  ];
}

function crashName(error: unknown): string {
  if (error instanceof DriverCrash) return error.message;
  throw error;
}

function unanswered(error: unknown): string {
  if (error instanceof UnreachableError) return 'unanswered';
  throw error;
}

/** Not running a command again is an end as well. */
function refusal(error: unknown): string {
  if (error instanceof UserError && error.code === 'command_unknown') return 'command-unknown';
  throw error;
}
