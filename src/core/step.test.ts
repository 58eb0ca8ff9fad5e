import { describe, expect, test } from 'bun:test';
import { fakeRunning, fakeRules as rules } from './fake-rollout.ts';
import { type Candidate, type Desired, type Rollout, type Running, runningKey } from './rollout.ts';
import { type Act, type RolloutState, type Step, step } from './step.ts';
import type { Observation, ReplicaState, Seen, Trouble } from './target.ts';
import type { TrafficCount } from './traffic.ts';
import { failed, type Judgement } from './verdict.ts';

const stable = fakeRunning('a');
const one: Candidate = { ...fakeRunning('b'), size: 'one' };
const all: Candidate = { ...one, size: 'all' };
const begun: Rollout = {
  id: 'r1',
  kind: 'deploy',
  by: 'ada',
  startedAt: 0,
  release: one.release.id,
  artifact: one.release.artifact,
  command: 'none',
};
const unreachable: Observation = { kind: 'unreachable', at: 0, cause: 'connection refused' };
const crash: Trouble = { cause: 'crashed', message: 'exit code 1 after 34 ms', isConclusive: true };
const notReady: Trouble = { cause: 'never-ready', message: 'GET / answered 503', isConclusive: false };

describe('a candidate', () => {
  test('is awaited until it is ready, and why it is not is told', () => {
    const { act, events } = step({ rules }, see({ mine: [starting({ trouble: notReady })] }), 0);

    expect(act).toEqual({ kind: 'wait' });
    expect(events).toEqual([
      { kind: 'starting', size: 'one', ready: 0, wanted: 1, waitingFor: 'GET / answered 503' },
    ]);
  });

  test('of one replica becomes all after its bake, and not before', () => {
    const seen = see({ mine: [ready()] });

    const before = after([seen, 0], [seen, 1_999]);
    const then = after([seen, 0], [seen, 1_999], [seen, 2_000]);

    expect(before.act).toEqual({ kind: 'wait' });
    expect(then.act).toMatchObject({ kind: 'set', desired: { candidate: { size: 'all' } } });
  });

  test('of all replicas is watched anew, and is good after its bake', () => {
    const seen = see({ candidate: all, mine: [ready(), ready()] });

    const before = after([see({ mine: [ready()] }), 0], [see({ mine: [ready()] }), 2_000], [seen, 2_100]);
    const then = after([seen, 0], [seen, 1_999], [seen, 2_000]);

    expect(before.act).toEqual({ kind: 'wait' });
    expect(judgementOf(then.act)).toEqual({ kind: 'good' });
  });

  test('is judged by what no waiting mends at the first sight of it', () => {
    const { act } = step({ rules }, see({ mine: [ready(), starting({ trouble: crash })] }), 0);

    expect(judgementOf(act)).toEqual(failed('crashed', 'exit code 1 after 34 ms'));
  });

  test('is judged by a crash that only its restarts show', () => {
    const { act } = step({ rules }, see({ candidate: all, mine: [ready(), ready({ restarts: 2 })] }), 0);

    expect(judgementOf(act)).toEqual(
      failed('crashed', 'replicas ended by themselves and were started again: 2 in all'),
    );
  });

  test('is judged by few errors after its bake alone, and by many at once', () => {
    const few = { ...see({ mine: [ready()] }), traffic: [answered(one, 97, 3)] };
    const many = { ...see({ mine: [ready()] }), traffic: [answered(one, 50, 50)] };

    expect(after([few, 0], [few, 1_999]).act).toEqual({ kind: 'wait' });
    expect(judgementOf(after([few, 0], [few, 2_000]).act)).toMatchObject({ cause: 'errors' });
    expect(judgementOf(after([many, 0]).act)).toMatchObject({ cause: 'errors' });
  });

  test('is not good while requests sent in the watch still wait, and later ones do not count', () => {
    const answering = {
      ...see({ mine: [ready()] }),
      traffic: [{ ...answered(one, 100, 0), waitingSince: 2_001 }],
    };
    const silent = {
      ...see({ mine: [ready()] }),
      traffic: [{ ...answered(one, 100, 0), waitingSince: 1_990 }],
    };

    expect(after([silent, 0], [silent, 2_000]).act).toEqual({ kind: 'wait' });
    expect(after([silent, 0], [silent, 2_000], [answering, 2_900]).act).toMatchObject({ kind: 'set' });
  });

  test('is judged by its own answers, and not by those of the stable release or of no replica', () => {
    const traffic = [
      answered(stable, 0, 100),
      answered(one, 100, 0),
      { ...answered(one, 0, 9), key: undefined },
    ];
    const seen = { ...see({ mine: [ready()] }), traffic } as Seen;

    expect(after([seen, 0], [seen, 2_000]).act).toMatchObject({
      kind: 'set',
      desired: { candidate: { size: 'all' } },
    });
  });

  test('is not to blame where both begin to fail, however long the stable release was well before', () => {
    const sight = (mine: readonly ReplicaState[], ...traffic: readonly TrafficCount[]): Seen => ({
      ...see({ mine }),
      traffic,
    });
    const waiting = sight([starting()], answered(stable, 1_000, 0));
    const well = sight([ready()], answered(stable, 1_020, 0), answered(one, 10, 0));
    const failing = sight([ready()], answered(stable, 1_020, 120), answered(one, 10, 60));

    expect(after([waiting, 0], [well, 100], [failing, 1_900]).act).toEqual({ kind: 'wait' });
    expect(judgementOf(after([waiting, 0], [well, 100], [failing, 2_200]).act)).toEqual(
      failed('environment', '60 of 70 requests failed, of the stable release 120 of 140 requests'),
    );
  });

  test('is not judged by what the stable release does', () => {
    const seen = see({ mine: [ready()], stable: [starting({ trouble: crash, restarts: 7 })] });

    expect(step({ rules }, seen, 0).act).toEqual({ kind: 'wait' });
  });

  test('is never ready once it was awaited for longer than the rule, in all', () => {
    const isReady = see({ mine: [ready()] });
    const isNot = see({ mine: [starting({ trouble: notReady })] });

    const waiting = after([isNot, 0], [isReady, 3_000], [isReady, 4_500], [isNot, 4_600], [isNot, 6_500]);
    const late = after([isNot, 0], [isReady, 3_000], [isReady, 4_500], [isNot, 4_600], [isNot, 6_700]);

    expect(waiting.act).toEqual({ kind: 'wait' });
    expect(judgementOf(late.act)).toEqual(failed('never-ready', 'not ready in 5.0 s: GET / answered 503'));
  });

  test('that is not ready has a reason although the target gives none', () => {
    const seen = see({ mine: [] });

    const { act } = after([seen, 0], [seen, 2_600], [seen, 5_001]);

    expect(judgementOf(act)).toEqual(failed('never-ready', 'not ready in 5.0 s: no replica was ready'));
  });

  test('is not to blame where the stable release is not ready either, or has no replica at all', () => {
    for (const stableReplicas of [[starting()], []]) {
      const seen = see({ mine: [starting({ trouble: notReady })], stable: stableReplicas });

      const { act } = after([seen, 0], [seen, 2_600], [seen, 5_001]);

      expect(judgementOf(act)).toMatchObject({ cause: 'environment' });
    }
  });

  test('is not to blame where it never answers well and the stable release fails meanwhile', () => {
    const isNot = see({ mine: [starting({ trouble: notReady })] });
    const before = { ...isNot, traffic: [answered(stable, 500, 0)] };
    const failing = { ...isNot, traffic: [answered(stable, 520, 180)] };
    const little = { ...isNot, traffic: [answered(stable, 690, 10)] };

    expect(judgementOf(after([before, 0], [failing, 2_600], [failing, 5_001]).act)).toEqual(
      failed(
        'environment',
        'not ready in 5.0 s: GET / answered 503; of the stable release 180 of 200 requests failed',
      ),
    );
    expect(judgementOf(after([before, 0], [little, 2_600], [little, 5_001]).act)).toMatchObject({
      cause: 'never-ready',
    });
  });

  test('of a rollback is good as soon as all of it is ready', () => {
    const rollout = { ...begun, kind: 'rollback' as const };

    const waiting = step({ rules }, see({ rollout, candidate: all, mine: [ready(), starting()] }), 0);
    const then = step({ rules }, see({ rollout, candidate: all, mine: [ready(), ready()] }), 0);

    expect(waiting.act).toEqual({ kind: 'wait' });
    expect(judgementOf(then.act)).toEqual({ kind: 'good' });
  });

  test('is judged interrupted when it is given up, whatever it does', () => {
    const { act } = step({ rules, giveUp: 'ctrl-c' }, see({ mine: [ready()] }), 0);

    expect(judgementOf(act)).toEqual(failed('interrupted', 'ctrl-c'));
  });
});

describe('where stable replicas give way to a candidate', () => {
  const surge = 'one';
  const leaving = () => ready({ phase: 'draining' });
  const noRoom: Trouble = { cause: 'unschedulable', message: 'no node has room for it', isConclusive: false };

  test('the first is watched beside them, and then becomes all', () => {
    const seen = see({ surge, mine: [ready()] });

    const { act } = after([seen, 0], [seen, 2_000]);

    expect(act).toMatchObject({ kind: 'set', desired: { surge, candidate: { size: 'all' } } });
  });

  test('how many are left is told', () => {
    const { events } = step({ rules }, see({ surge, candidate: all, mine: [ready()], stable: [ready()] }), 0);

    expect(events).toEqual([{ kind: 'starting', size: 'all', ready: 1, wanted: 2, beside: 1 }]);
  });

  test('all of it is watched once none of them is left but what drains', () => {
    const oneLeft = see({ surge, candidate: all, mine: [ready(), ready()], stable: [ready()] });
    const noneLeft = see({ surge, candidate: all, mine: [ready(), ready()], stable: [leaving()] });

    const waiting = after([oneLeft, 0], [oneLeft, 4_000]);
    const then = after([oneLeft, 0], [noneLeft, 1_000], [noneLeft, 3_000]);

    expect(waiting.act).toEqual({ kind: 'wait' });
    expect(judgementOf(then.act)).toEqual({ kind: 'good' });
  });

  test('an autoscaler’s number is that of both together', () => {
    const sight = (mine: number, left: number) =>
      see({
        surge,
        replicas: 'autoscaled',
        candidate: all,
        mine: Array.from({ length: mine }, () => ready()),
        stable: Array.from({ length: left }, () => ready()),
      });

    const midway = step({ rules }, sight(2, 2), 0);
    const then = after([sight(3, 0), 0], [sight(3, 0), 2_000]);

    expect(midway.events).toMatchObject([{ kind: 'starting', ready: 2, wanted: 4 }]);
    expect(judgementOf(then.act)).toEqual({ kind: 'good' });
  });

  test('the deadline is for one replica after the other', () => {
    const first = see({ surge, candidate: all, mine: [ready(), starting({ trouble: notReady })] });
    const next = see({ surge, candidate: all, mine: [ready(), starting()], stable: [ready()] });

    const waiting = after([first, 0], [first, 4_900], [next, 5_000], [next, 9_900]);
    const late = after([first, 0], [first, 4_900], [next, 5_000], [next, 9_900], [next, 10_100]);

    expect(waiting.act).toEqual({ kind: 'wait' });
    expect(judgementOf(late.act)).toMatchObject({ cause: 'never-ready' });
  });

  test('one that is ready, and is not, and is ready again has not come further', () => {
    const up = see({ surge, candidate: all, mine: [ready(), starting()] });
    const down = see({ surge, candidate: all, mine: [starting(), starting()] });

    const { act } = after([up, 0], [down, 2_000], [up, 4_000], [up, 5_001]);

    expect(judgementOf(act)).toMatchObject({ cause: 'never-ready' });
  });

  test('no time counts in which the room for the next one is still held by one that leaves', () => {
    const sight = (left: ReplicaState) =>
      see({ surge: 'none', mine: [starting({ trouble: noRoom })], stable: [ready(), left] });
    const held = [0, 4_000, 8_000].map((at) => [sight(leaving()), at] as const);
    const free = see({ surge: 'none', mine: [starting({ trouble: noRoom })], stable: [ready()] });

    const waiting = after(...held, [free, 12_000], [free, 16_900]);
    const late = after(...held, [free, 12_000], [free, 16_900], [free, 17_100]);

    expect(after(...held).act).toEqual({ kind: 'wait' });
    expect(waiting.act).toEqual({ kind: 'wait' });
    expect(judgementOf(late.act)).toMatchObject({ cause: 'unschedulable' });
  });

  test('it is watched while they go, too', () => {
    const seen = see({
      surge,
      candidate: all,
      mine: [ready(), starting()],
      stable: [ready()],
      traffic: [answered(stable, 100, 0), answered(one, 50, 50)],
    });

    const { act } = step({ rules }, seen, 0);

    expect(judgementOf(act)).toMatchObject({ cause: 'errors' });
  });

  test('those that went are no sign that the environment is at fault', () => {
    const gone = see({ surge, candidate: all, mine: [ready(), starting({ trouble: notReady })], stable: [] });

    const { act } = after([gone, 0], [gone, 2_600], [gone, 5_001]);

    expect(judgementOf(act)).toMatchObject({ cause: 'never-ready' });
  });

  test('a rollback is good once all of it is ready and none of them is left', () => {
    const rollout = { ...begun, kind: 'rollback' as const };
    const about = { surge, rollout, candidate: all, mine: [ready(), ready()] } as const;

    expect(step({ rules }, see({ ...about, stable: [ready()] }), 0).act).toEqual({ kind: 'wait' });
    expect(judgementOf(step({ rules }, see({ ...about, stable: [] }), 0).act)).toEqual({ kind: 'good' });
  });
});

describe('stable replicas that had given way to a bad candidate', () => {
  const bad = failed('errors', '50 of 100 requests failed');
  const judged: Sight = { rollout: { ...begun, judged: bad }, candidate: undefined };

  test('are awaited, and how many are ready again is told', () => {
    const seen = see({ ...judged, surge: 'one', mine: [ready()], stable: [ready(), starting()] });

    const { act, events } = step({ rules }, seen, 0);

    expect(act).toEqual({ kind: 'wait' });
    expect(events).toEqual([{ kind: 'draining', left: 1, stable: { ready: 1, wanted: 2 } }]);
  });

  test('are all ready when the rollout ends, also where the last of them comes after the candidate went', () => {
    const coming = see({ ...judged, surge: 'none', mine: [], stable: [ready(), starting()] });
    const whole = see({ ...judged, surge: 'none', mine: [] });

    expect(step({ rules }, coming, 0).act).toEqual({ kind: 'wait' });
    expect(step({ rules }, whole, 0).act).toMatchObject({ kind: 'end', judgement: bad });
  });

  test('and do not become ready again keep no next rollout from mending it', () => {
    const seen = see({ ...judged, surge: 'one', mine: [ready(), ready()], stable: [starting()] });

    const waiting = after([seen, 0], [seen, 4_900]);
    const late = after([seen, 0], [seen, 4_900], [seen, 5_001]);

    expect(waiting.act).toEqual({ kind: 'wait' });
    expect(late.act).toMatchObject({ kind: 'end', judgement: bad });
  });

  test('are not given up while something still drains', () => {
    const seen = see({
      ...judged,
      surge: 'one',
      mine: [ready({ phase: 'draining' })],
      stable: [starting(), starting()],
    });

    const { act } = after([seen, 0], [seen, 4_000], [seen, 8_000]);

    expect(act).toEqual({ kind: 'wait' });
  });
});

test('a candidate that does not go is waited for as long as the stable release is whole', () => {
  const rollout: Rollout = { ...begun, judged: failed('crashed', 'exit code 1') };
  const seen = see({ rollout, candidate: undefined, mine: [ready()] });

  const { act } = after([seen, 0], [seen, 4_000], [seen, 8_000]);

  expect(act).toEqual({ kind: 'wait' });
});

describe('a judgement', () => {
  const bad = failed('crashed', 'exit code 1');

  test('that is bad takes the candidate out', () => {
    const seen = see({ rollout: { ...begun, judged: bad }, mine: [starting()] });

    const { act } = step({ rules }, seen, 0);

    const { candidate, ...desired } = seen.desired;
    expect(act).toMatchObject({ kind: 'takeBack', judgement: bad, candidate, desired });
  });

  test('that is good makes the candidate stable', () => {
    const seen = see({ rollout: { ...begun, judged: { kind: 'good' } }, candidate: all, mine: [ready()] });

    const { act } = step({ rules }, seen, 0);

    expect(act).toMatchObject({ kind: 'set', desired: { stable: fakeRunning('b') } });
    expect(act.kind === 'set' && act.desired.candidate).toBeUndefined();
  });

  test('stands, whatever is seen or asked later', () => {
    const rollout: Rollout = { ...begun, judged: { kind: 'good' } };
    const seen = see({ rollout, candidate: all, mine: [starting({ trouble: crash, restarts: 3 })] });

    const { act } = step({ rules, giveUp: 'too late' }, seen, 0);

    expect(act).toMatchObject({ kind: 'set', desired: { rollout, stable: fakeRunning('b') } });
  });

  test('is carried out when no replica but the stable release’s is left', () => {
    const rollout: Rollout = { ...begun, judged: bad };

    const draining = step({ rules }, see({ rollout, candidate: undefined, mine: [ready()] }), 0);
    const gone = step({ rules }, see({ rollout, candidate: undefined, mine: [] }), 0);

    expect(draining).toMatchObject({ act: { kind: 'wait' }, events: [{ kind: 'draining', left: 1 }] });
    expect(gone.act).toMatchObject({ kind: 'end', rollout, judgement: bad });
  });
});

describe('the watch', () => {
  const seen = see({ mine: [ready()] });
  const every4s = [0, 4_000, 8_000, 12_000, 16_000].map((at) => [unreachable, at] as const);

  test.each([
    ['after a gap', 20_000],
    ['when the clock was put back', -20_000],
  ])('starts again %s', (_title, jump) => {
    const { act } = after([seen, 0], [seen, 1_900], [seen, 1_900 + jump], [seen, 3_800 + jump]);

    expect(act).toEqual({ kind: 'wait' });
  });

  test('gives replicas their whole time again after a gap', () => {
    const isNot = see({ mine: [starting()] });

    const { act } = after([isNot, 0], [isNot, 4_000], [isNot, 60_000], [isNot, 64_900]);

    expect(act).toEqual({ kind: 'wait' });
  });

  test('goes on after a moment without an answer', () => {
    const { act } = after([seen, 0], [seen, 900], [unreachable, 1_000], [seen, 2_000]);

    expect(act).toMatchObject({ kind: 'set', desired: { candidate: { size: 'all' } } });
  });

  const inTheMinute = Array.from({ length: 15 }, (_, number) => 4_000 * number + 3_500);

  test('goes on for a minute after no answer came, for others may have missed the candidate meanwhile', () => {
    const gone = [
      [seen, 0],
      [unreachable, 500],
      [seen, 3_000],
    ] as const;
    const watched = inTheMinute.map((at) => [seen, at] as const);

    const before = after(...gone, ...watched, [seen, 62_999]);
    const then = after(...gone, ...watched, [seen, 63_000]);

    expect(after(...gone).events[0]).toEqual({ kind: 'held', forMs: 60_000 });
    expect(before.events.map(({ kind }) => kind)).not.toContain('held');
    expect(before.act).toEqual({ kind: 'wait' });
    expect(then.act).toMatchObject({ kind: 'set', desired: { candidate: { size: 'all' } } });
  });

  test('goes on as long when nothing was seen for a while after that', () => {
    const gone = [
      [seen, 0],
      [unreachable, 500],
      [seen, 3_000],
      [seen, 13_000],
    ] as const;
    const watched = inTheMinute.map((at) => [seen, at] as const).filter(([, at]) => at > 13_000);

    const before = after(...gone, ...watched, [seen, 62_999]);
    const then = after(...gone, ...watched, [seen, 63_000]);

    expect(before.act).toEqual({ kind: 'wait' });
    expect(then.act).toMatchObject({ kind: 'set', desired: { candidate: { size: 'all' } } });
  });

  test('of a rollback, which has none otherwise, lasts for a minute after no answer came', () => {
    const back = see({ rollout: { ...begun, kind: 'rollback' }, candidate: all, mine: [ready(), ready()] });
    const starting2 = see({
      rollout: { ...begun, kind: 'rollback' },
      candidate: all,
      mine: [starting(), starting()],
    });
    const gone = [
      [starting2, 0],
      [unreachable, 500],
      [back, 3_000],
    ] as const;
    const watched = inTheMinute.map((at) => [back, at] as const);

    const before = after(...gone, ...watched, [back, 62_999]);
    const then = after(...gone, ...watched, [back, 63_000]);

    expect(before.act).toEqual({ kind: 'wait' });
    expect(judgementOf(then.act)).toEqual({ kind: 'good' });
  });

  test('ends, and nothing is undone, when no answer comes for longer than the rule', () => {
    const waiting = after([seen, 0], ...every4s, [unreachable, 20_000]);
    const left = after([seen, 0], ...every4s, [unreachable, 20_001]);

    expect(waiting.act).toEqual({ kind: 'wait' });
    expect(left.act).toEqual({
      kind: 'leave',
      message: 'the environment does not answer: connection refused',
    });
  });

  test('counts the time without an answer from the last answer on', () => {
    const { act } = after(...every4s, [seen, 18_000], [unreachable, 20_000], [unreachable, 24_000]);

    expect(act).toEqual({ kind: 'wait' });
  });

  test('tells once that no answer comes', () => {
    const first = step({ rules }, unreachable, 0);
    const second = step(first.state, unreachable, 1_000);

    expect([first.events, second.events]).toEqual([
      [{ kind: 'unreachable', cause: 'connection refused' }],
      [],
    ]);
  });

  test.each([
    ['it is no longer there', see({ rollout: undefined })],
    ['another one is there', see({ rollout: { ...begun, id: 'r2' } })],
    ['its candidate is no longer there', see({ candidate: undefined })],
  ])('of a rollout ends when %s', (_title, other) => {
    const { act } = after([seen, 0], [other, 100]);

    expect(act).toMatchObject({ kind: 'leave' });
  });
});

test('what is seen twice is answered alike: nothing is a delta', () => {
  const sights = [
    see({ mine: [ready()] }),
    see({ mine: [starting({ trouble: crash })] }),
    see({ rollout: { ...begun, judged: { kind: 'good' } }, candidate: all, mine: [ready()] }),
    see({ rollout: { ...begun, judged: { kind: 'good' } }, candidate: undefined, mine: [] }),
  ];

  for (const seen of sights) {
    const first = step({ rules }, seen, 0);
    const second = step(first.state, seen, 0);
    expect(second.act).toEqual(first.act);
  }
});

interface Sight {
  readonly rollout?: Rollout | undefined;
  readonly candidate?: Candidate | undefined;
  readonly mine?: readonly ReplicaState[];
  readonly stable?: readonly ReplicaState[];
  readonly surge?: Desired['surge'];
  readonly replicas?: Desired['replicas'];
  readonly traffic?: readonly TrafficCount[];
}

function see({ mine = [], stable: others = [ready(), ready()], ...wanted }: Sight): Seen {
  const { rollout, candidate, surge } = { rollout: begun, candidate: one, ...wanted };
  const { replicas = 2, traffic = [] } = wanted;
  const desired: Desired = {
    replicas,
    ...(surge ? { surge } : {}),
    stable,
    ...(rollout ? { rollout } : {}),
    ...(candidate ? { candidate } : {}),
  };
  const ours = mine.map((replica) => ({ ...replica, key: runningKey(one), release: one.release.id }));
  return { kind: 'seen', at: 0, desired, replicas: [...others, ...ours], traffic };
}

function ready(more: Partial<ReplicaState> = {}): ReplicaState {
  const { release } = stable;
  return { id: 'r', key: runningKey(stable), release: release.id, phase: 'ready', restarts: 0, ...more };
}

function starting(more: Partial<ReplicaState> = {}): ReplicaState {
  return ready({ phase: 'starting', ...more });
}

function answered(running: Running, ok: number, errors: number): TrafficCount {
  return { source: 'front', key: runningKey(running), ok, errors, lost: 0, retried: 0, latencyBuckets: [] };
}

/** The last of several steps, each at its time. */
function after(...sights: readonly (readonly [Observation, number])[]): Step {
  let state: RolloutState = { rules };
  let last: Step | undefined;
  for (const [seen, now] of sights) {
    last = step(state, seen, now);
    state = last.state;
  }
  if (!last) throw new Error('nothing was seen');
  return last;
}

function judgementOf(act: Act): Judgement | undefined {
  return act.kind === 'set' ? act.desired.rollout?.judged : undefined;
}
