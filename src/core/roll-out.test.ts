import { describe, expect, test } from 'bun:test';
import { UserError } from './errors.ts';
import type { RolloutEvent } from './event.ts';
import type { Behaviour } from './fake-replica.ts';
import { clearAway, deploy, endOf, fakeRunning, rollBack } from './fake-rollout.ts';
import { FakeTarget, type FakeTargetOptions, nameOf } from './fake-target.ts';
import type { Outcome } from './roll-out.ts';
import type { Failure } from './verdict.ts';

describe('a good release', () => {
  test('is the first of its environment: all replicas at once, watched once', async () => {
    const target = new FakeTarget({ replicas: 3 });
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'a', { onEvent: (event) => events.push(event) });

    expect(endOf(outcome)).toBe('good');
    expect(story(events)).toEqual(['begun', 'starting all', 'watching all', 'judged good', 'ended']);
    expect(serving(target)).toEqual(['a', 'a', 'a']);
  });

  test('is tried as one replica, then as all, and then replaces the stable one', async () => {
    const target = servedBy('a');
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', {
      revision: 'main@4be21c0',
      onEvent: (event) => events.push(event),
    });

    expect(story(events)).toEqual([
      'begun',
      'starting one',
      'watching one',
      'starting all',
      'watching all',
      'judged good',
      'draining',
      'ended',
    ]);
    expect(recordOf(outcome)).toMatchObject({
      kind: 'deploy',
      release: fakeRunning('b').release.id,
      replaces: fakeRunning('a').release.id,
      by: 'ada',
      revision: 'main@4be21c0',
      verdict: { kind: 'good' },
      traffic: { errors: 0, lost: 0 },
    });
    expect(serving(target)).toEqual(['b', 'b']);
    expect(target.desired.rollout).toBeUndefined();
  });

  test('of one replica is watched once, as one is all', async () => {
    const target = servedBy('a', { replicas: 1 });
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', { onEvent: (event) => events.push(event) });

    expect(endOf(outcome)).toBe('good');
    expect(story(events)).not.toContain('starting all');
    expect(serving(target)).toEqual(['b']);
  });

  test('replaces as many replicas as the autoscaler has made', async () => {
    const target = servedBy('a', { replicas: 'autoscaled' });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('good');
    expect(serving(target)).toEqual(['b', 'b', 'b']);
  });

  test('may make errors up to the allowance', async () => {
    const target = servedBy('a', { behaviours: { b: { errorShare: () => 0.015 } } });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('good');
  });

  test('may not be ready for a moment while it is watched, however long the watch is', async () => {
    const isUnwell = isBetween(1_020_000, 1_020_300);
    const target = servedBy('a', { behaviours: { b: { isUnwell } } });

    const outcome = await deploy(target, 'b', { rules: { bakeMs: 30_000, startMs: 5_000 } });

    expect(endOf(outcome)).toBe('good');
    expect(target.now).toBeGreaterThan(1_080_000);
  });

  test('rolls out though the preflight found what is worth knowing, which is told before it begins', async () => {
    const note = { isProblem: false, message: 'the disk is nearly full', hint: 'clear some' };
    const target = servedBy('a', { findings: [note] });
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', { onEvent: (event) => events.push(event) });

    expect(endOf(outcome)).toBe('good');
    expect(events.slice(0, 2)).toMatchObject([{ kind: 'noted', notes: [note] }, { kind: 'begun' }]);
  });

  test('is accepted over a stable one that fails', async () => {
    const target = servedBy('a', { behaviours: { a: { errorShare: () => 1 } } });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('good');
    expect(serving(target)).toEqual(['b', 'b']);
  });

  test('is accepted over a stable one that crashes again and again', async () => {
    const target = servedBy('a', { behaviours: { a: { ends: { atAge: 300, exitCode: 1 } } } });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('good');
    expect(serving(target)).toEqual(['b', 'b']);
  });

  test('is not called slow when chance alone gives it more of the slow requests', async () => {
    const latencyMs = (random: () => number) => (random() < 0.05 ? 3_000 : 5 + 20 * random());
    const ends = new Set<string>();

    for (let seed = 1; seed <= 40; seed += 1) {
      const target = servedBy('a', {
        behaviours: { a: { latencyMs }, b: { latencyMs } },
        requestsPerSecond: 400,
        seed,
      });
      ends.add(endOf(await deploy(target, 'b')));
    }

    expect([...ends]).toEqual(['good']);
  });
});

describe('a bad release', () => {
  const faults: Record<
    string,
    { behaviour: Behaviour; cause: string; message: RegExp; isSeenAtStart: boolean }
  > = {
    'that crashes at the start': {
      behaviour: { ends: { atAge: 34, exitCode: 1 } },
      cause: 'crashed',
      message: /^exit code 1 after 34 ms$/,
      isSeenAtStart: true,
    },
    'that crashes while it is watched as one replica': {
      behaviour: { ends: { atAge: 1_000, exitCode: 137 } },
      cause: 'crashed',
      message: /^exit code 137/,
      isSeenAtStart: false,
    },
    'that crashes while it is watched as all': {
      behaviour: { ends: { atAge: 3_500, exitCode: 1 } },
      cause: 'crashed',
      message: /^exit code 1/,
      isSeenAtStart: false,
    },
    'that crashes and is ready again before anyone looks': {
      behaviour: { ends: { atAge: 1_000, exitCode: 1 }, restartMs: 0, readyAtAge: 0 },
      cause: 'crashed',
      message: /started again/,
      isSeenAtStart: false,
    },
    'that ends without an error': {
      behaviour: { ends: { atAge: 100, exitCode: 0 } },
      cause: 'exited',
      message: /^exit code 0/,
      isSeenAtStart: true,
    },
    'that is never ready': {
      behaviour: { readyAtAge: Infinity },
      cause: 'never-ready',
      message: /^not ready in 5\.0 s: GET \/ready answered 503$/,
      isSeenAtStart: true,
    },
    'that is ready and not ready in turn': {
      behaviour: { isUnwell: (now) => now % 1_000 < 500 },
      cause: 'never-ready',
      message: /GET \/ready answered 503/,
      isSeenAtStart: false,
    },
    'whose declared path fails': {
      behaviour: { failingPath: '/orders' },
      cause: 'declared-path',
      message: /^GET \/orders answered 500$/,
      isSeenAtStart: true,
    },
    'that fails every request': {
      behaviour: { errorShare: () => 1 },
      cause: 'errors',
      message: /^(\d+) of \1 requests failed, of the stable release 0 of \d+ requests$/,
      isSeenAtStart: false,
    },
    'that fails one request in ten': {
      behaviour: { errorShare: () => 0.1 },
      cause: 'errors',
      message: /requests failed/,
      isSeenAtStart: false,
    },
    'that begins to fail when all of it runs': {
      behaviour: { errorShare: (age) => (age > 3_000 ? 1 : 0) },
      cause: 'errors',
      message: /requests failed/,
      isSeenAtStart: false,
    },
    'that answers half of the requests in twice the time': {
      behaviour: { latencyMs: (random) => 120 + 20 * random() },
      cause: 'slow',
      message: /^half of the answers took \d+ ms or more, the stable release's \d+ ms at most$/,
      isSeenAtStart: false,
    },
    'that answers every tenth request late': {
      behaviour: { latencyMs: (random) => (random() < 0.1 ? 900 : 60) },
      cause: 'slow',
      message: /^the slowest 5 % of the answers/,
      isSeenAtStart: false,
    },
    'that hangs': {
      behaviour: { hangsAtAge: 500 },
      cause: 'errors',
      message: /requests failed/,
      isSeenAtStart: false,
    },
  };

  for (const [title, { behaviour, cause, message, isSeenAtStart }] of Object.entries(faults)) {
    test(`${title} is taken back, and the stable one serves, whole`, async () => {
      const target = servedBy('a', {
        behaviours: { a: { latencyMs: (random) => 50 + 20 * random() }, b: behaviour },
        requestsPerSecond: 600,
      });

      const outcome = await deploy(target, 'b');

      const { verdict, traffic } = recordOf(outcome);
      expect(verdict).toMatchObject({ kind: 'failed', cause });
      expect((verdict as Failure).message).toMatch(message);
      expect((verdict as Failure).evidence?.lines).toEqual(['the last words of b']);
      expect(serving(target)).toEqual(['a', 'a']);
      expect(traffic.lost).toBe(0);
      if (isSeenAtStart) expect(traffic.errors).toBe(0);
    });
  }

  for (const title of [
    'that crashes at the start',
    'that crashes while it is watched as one replica',
    'that is never ready',
    'whose declared path fails',
    'that fails one request in ten',
    'that hangs',
  ]) {
    test(`${title} leaves nothing running when it is the first`, async () => {
      const { behaviour = {}, cause } = faults[title] ?? {};
      const target = new FakeTarget({ behaviours: { b: behaviour } });

      const outcome = await deploy(target, 'b');

      expect(endOf(outcome)).toBe(cause ?? '');
      expect(target.replicas).toEqual([]);
      expect(target.desired).toEqual({ replicas: 2 });
    });
  }

  test('costs at most its share of the requests until it is taken out', async () => {
    const target = servedBy('a', { behaviours: { b: { errorShare: () => 1 } }, replicas: 3 });

    const outcome = await deploy(target, 'b');

    const { errors, requests } = recordOf(outcome).traffic;
    expect(errors).toBeGreaterThan(0);
    expect(errors / requests).toBeLessThanOrEqual(1 / 4);
  });

  test('that hangs without traffic is found by its liveness path', async () => {
    const target = servedBy('a', { behaviours: { b: { hangsAtAge: 500 } }, requestsPerSecond: 0 });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('hung');
  });

  test('is taken back although its evidence cannot be had', async () => {
    const evidence = () => {
      throw new Error('the log is gone');
    };
    const target = servedBy('a', { behaviours: { b: { failingPath: '/' } }, evidence });

    const outcome = await deploy(target, 'b');

    expect(recordOf(outcome).verdict).toMatchObject({
      cause: 'declared-path',
      evidence: { lines: ['no evidence could be had: Error: the log is gone'] },
    });
    expect(serving(target)).toEqual(['a', 'a']);
  });
});

describe('a bad release that prints lines of a megabyte', () => {
  const line = `{"level":"error","body":"${'é\u0001'.repeat(500_000)}"}`;
  const evidence = () => ({
    exit: 'exit code 1',
    lines: [...Array<string>(19).fill(line), 'the last words'],
  });

  test('is taken back: what is kept of them is small', async () => {
    const target = servedBy('a', { behaviours: { b: { failingPath: '/' } }, evidence });

    const outcome = await deploy(target, 'b');

    const { evidence: kept } = recordOf(outcome).verdict as Failure;
    expect(kept?.lines.at(-1)).toBe('the last words');
    expect(serving(target)).toEqual(['a', 'a']);
  });

  test('in its release command, too', async () => {
    const target = servedBy('a', { behaviours: { b: { command: 'fails' } }, evidence });

    expect(endOf(await deploy(target, 'b', { hasCommand: true }))).toBe('command');
  });
});

describe('an environment at fault', () => {
  test('is told from a bad release when both releases fail alike', async () => {
    const failing: Behaviour = { errorShare: () => 0.5 };
    const target = servedBy('a', { behaviours: { a: failing, b: failing } });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('environment');
    expect(serving(target)).toEqual(['a', 'a']);
  });

  test('is told from a bad release when no release gets ready', async () => {
    const unwell: Behaviour = { isUnwell: isBetween(1_001_000, Infinity) };
    const target = servedBy('a', { behaviours: { a: unwell, b: unwell } });

    const outcome = await deploy(target, 'b');

    expect(recordOf(outcome).verdict).toMatchObject({
      cause: 'environment',
      message: 'not ready in 5.0 s: GET /ready answered 503, and no replica of the stable release is ready',
    });
  });
});

describe('an environment that does not answer', () => {
  test('for a while is watched anew, and undone is nothing', async () => {
    const from = 1_002_500;
    const target = servedBy('a', { unreachable: [{ from, to: from + 10_000 }] });
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', { onEvent: (event) => events.push(event) });

    expect(endOf(outcome)).toBe('good');
    expect(story(events)).toEqual([
      'begun',
      'starting one',
      'watching one',
      'unreachable',
      'held',
      'starting one',
      'watching one',
      'starting all',
      'watching all',
      'judged good',
      'draining',
      'ended',
    ]);
    expect(target.records.at(-1)?.disturbances).toEqual(['no answer for 10 s: connection refused']);
  });

  test('that tells how it is and refuses what is to be done ends unknown as well, and tells its judgement once', async () => {
    const target = servedBy('a', {
      refusesVerdicts: true,
      behaviours: { b: { errorShare: () => 1 } },
    });
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', { onEvent: (event) => events.push(event) });

    expect(outcome).toEqual({ kind: 'unknown', message: 'no space left' });
    expect(events.filter(({ kind }) => kind === 'judged').length).toBeLessThanOrEqual(1);
  });

  test('for longer than the rule ends unknown, and the next command goes on', async () => {
    const from = 1_002_500;
    const target = servedBy('a', { unreachable: [{ from, to: from + 25_000 }] });

    const unknown = await deploy(target, 'b');
    const between = target.desired;
    const outcome = await deploy(target, 'b');

    expect(unknown).toEqual({
      kind: 'unknown',
      message: 'the environment does not answer: connection refused',
    });
    expect(between.candidate?.size).toBe('one');
    expect(endOf(outcome)).toBe('good');
    expect(target.records).toHaveLength(1);
  });

  test('at first is waited for', async () => {
    const target = servedBy('a', { unreachable: [{ from: 0, to: 1_010_000 }] });
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', { onEvent: (event) => events.push(event) });

    expect(endOf(outcome)).toBe('good');
    expect(story(events).slice(0, 2)).toEqual(['unreachable', 'begun']);
  });

  test('from the first on ends unknown, and nothing was changed', async () => {
    const target = servedBy('a', { unreachable: [{ from: 0, to: Infinity }] });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('unknown');
    expect(target.calls).not.toContain('set');
  });

  test('is given its whole time again after a sleep', async () => {
    const target = servedBy('a', {
      unreachable: [{ from: 1_002_500, to: 5_000_000 }],
      sleeps: [{ at: 1_003_000, forMs: 3_990_000 }],
    });

    const outcome = await deploy(target, 'b');

    expect(endOf(outcome)).toBe('good');
  });
});

test('after a sleep the watch starts again', async () => {
  const target = servedBy('a', { sleeps: [{ at: 1_003_000, forMs: 60_000 }] });
  const events: RolloutEvent[] = [];

  await deploy(target, 'b', { onEvent: (event) => events.push(event) });

  const elapsed = events.flatMap((event) =>
    event.kind === 'watching' && event.size === 'one' ? [event.elapsedMs] : [],
  );
  expect(elapsed.filter((ms) => ms === 0)).toHaveLength(2);
  expect(elapsed.at(-1)).toBe(2_000);
});

describe('a half-done rollout', () => {
  test('of the same release is gone on with', async () => {
    const target = servedBy('a');
    await leaveHalfDone(target, 'b');
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', { onEvent: (event) => events.push(event) });

    expect(endOf(outcome)).toBe('good');
    expect(events[0]).toMatchObject({ kind: 'begun', isResumed: true });
    expect(target.records).toHaveLength(1);
  });

  test('of the same release goes on with the number of replicas that is wanted now', async () => {
    const target = servedBy('a');
    await leaveHalfDone(target, 'b');

    await deploy(target, 'b', { replicas: 4 });

    expect(serving(target)).toEqual(['b', 'b', 'b', 'b']);
  });

  test('of the same release that is judged good already ends as it was judged', async () => {
    const target = servedBy('a');
    const isJudged = new AbortController();
    await deploy(target, 'b', {
      signal: isJudged.signal,
      onEvent: (event) => {
        if (event.kind === 'judged') isJudged.abort();
      },
    }).catch(() => undefined);

    const outcome = await deploy(target, 'b');

    expect(recordOf(outcome)).toMatchObject({ id: 'rollout-1', verdict: { kind: 'good' } });
    expect(serving(target)).toEqual(['b', 'b']);
  });

  test('of another release is taken out, and seen to be gone, before the next begins', async () => {
    const target = servedBy('a');
    await leaveHalfDone(target, 'b');
    const replicasAtBegin: string[] = [];

    const outcome = await deploy(target, 'c', {
      onEvent: (event) => {
        if (event.kind === 'begun') replicasAtBegin.push(...namesOf(target));
      },
    });

    expect(endOf(outcome)).toBe('good');
    expect(target.records.map(({ verdict }) => verdict)).toMatchObject([
      { cause: 'interrupted', message: `given up for ${fakeRunning('c').release.id.slice(0, 7)}` },
      { kind: 'good' },
    ]);
    expect(replicasAtBegin).not.toContain('b');
  });

  test('is taken out by a rollback, even one to the same release', async () => {
    const target = servedBy('a');
    await leaveHalfDone(target, 'b');

    const outcome = await rollBack(target, 'b');

    expect(endOf(outcome)).toBe('good');
    expect(target.records.map(({ kind, verdict }) => `${kind} ${verdict.kind}`)).toEqual([
      'deploy failed',
      'rollback good',
    ]);
  });

  test('is taken out when the release that serves is asked for', async () => {
    const target = servedBy('a');
    await leaveHalfDone(target, 'b');

    const outcome = await deploy(target, 'a');

    expect(outcome).toEqual({ kind: 'unchanged' });
    expect(serving(target)).toEqual(['a', 'a']);
    expect(target.records).toMatchObject([{ verdict: { cause: 'interrupted' } }]);
  });

  test('is taken out by takeOut, and then there is none', async () => {
    const target = servedBy('a');
    await leaveHalfDone(target, 'b');

    const first = await clearAway(target);
    const second = await clearAway(target);

    expect(recordOf(first).verdict).toMatchObject({ cause: 'interrupted', message: 'cleared away' });
    expect(second).toEqual({ kind: 'unchanged' });
    expect(serving(target)).toEqual(['a', 'a']);
  });

  test('is left as it is when the signal aborts', async () => {
    const target = servedBy('a');
    const cut = new AbortController();
    const reason = new Error('ctrl-c');

    const rollout = deploy(target, 'b', {
      signal: cut.signal,
      onEvent: (event) => {
        if (event.kind === 'watching') cut.abort(reason);
      },
    });

    await expect(rollout).rejects.toBe(reason);
    expect(target.desired.candidate?.size).toBe('one');
    expect(target.records).toEqual([]);
  });
});

test('evidence that was cut off by the signal is gathered by the next command', async () => {
  const cut = new AbortController();
  const reason = new Error('ctrl-c');
  const evidence = () => {
    if (cut.signal.aborted) return { lines: ['out of memory'] };
    cut.abort(reason);
    throw reason;
  };
  const target = servedBy('a', { behaviours: { b: { failingPath: '/' } }, evidence });

  const left = deploy(target, 'b', { signal: cut.signal });
  await expect(left).rejects.toBe(reason);
  await clearAway(target);

  expect(target.records).toMatchObject([
    { verdict: { cause: 'declared-path', evidence: { lines: ['out of memory'] } } },
  ]);
});

describe('giving up', () => {
  test('takes the candidate out, and records why', async () => {
    const target = servedBy('a');
    const giveUp = new AbortController();

    const outcome = await deploy(target, 'b', {
      giveUp: giveUp.signal,
      onEvent: (event) => {
        if (event.kind === 'watching') giveUp.abort('ada pressed ctrl-c');
      },
    });

    expect(recordOf(outcome).verdict).toMatchObject({ cause: 'interrupted', message: 'ada pressed ctrl-c' });
    expect(serving(target)).toEqual(['a', 'a']);
  });

  test('while the release command runs waits for its end, and starts no replica', async () => {
    const target = servedBy('a');
    const giveUp = new AbortController();
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'b', {
      hasCommand: true,
      giveUp: giveUp.signal,
      onEvent: (event) => {
        events.push(event);
        if (event.kind === 'command') giveUp.abort('ada pressed ctrl-c');
      },
    });

    expect(endOf(outcome)).toBe('interrupted');
    expect(story(events)).toEqual(['begun', 'command begun', 'command done', 'judged interrupted', 'ended']);
  });

  test('after the verdict changes nothing', async () => {
    const target = servedBy('a');
    const giveUp = new AbortController();

    const outcome = await deploy(target, 'b', {
      giveUp: giveUp.signal,
      onEvent: (event) => {
        if (event.kind === 'judged') giveUp.abort('too late');
      },
    });

    expect(endOf(outcome)).toBe('good');
  });
});

describe('a release command', () => {
  test('runs before a replica of its release starts', async () => {
    const target = servedBy('a');
    const replicas: string[][] = [];

    const outcome = await deploy(target, 'b', {
      hasCommand: true,
      onEvent: (event) => {
        if (event.kind === 'command') replicas.push(namesOf(target));
      },
    });

    expect(endOf(outcome)).toBe('good');
    expect(replicas).toEqual([
      ['a', 'a'],
      ['a', 'a'],
    ]);
  });

  test('that fails ends the rollout before anything is switched', async () => {
    const target = servedBy('a', { behaviours: { b: { command: 'fails' } } });

    const outcome = await deploy(target, 'b', { hasCommand: true });

    expect(recordOf(outcome).verdict).toEqual({
      kind: 'failed',
      cause: 'command',
      message: 'migrate ended with exit code 1',
      evidence: { exit: 'exit code 1', lines: ['no such table'] },
    });
    expect(serving(target)).toEqual(['a', 'a']);
  });

  test('whose end is unknown is not run again unasked', async () => {
    const target = servedBy('a', { behaviours: { b: { command: 'forgotten' } } });

    const first = await deploy(target, 'b', { hasCommand: true });
    const second = await codeOf(deploy(target, 'b', { hasCommand: true }));
    const asked = await deploy(target, 'b', { hasCommand: true, isAgain: true });

    expect(endOf(first)).toBe('command-unknown');
    expect(second).toBe('command_unknown');
    expect(endOf(asked)).toBe('command-unknown');
    expect(target.commands.size).toBe(2);
  });

  test('that was begun before a crash is looked up, and not started again', async () => {
    const target = servedBy('a');
    await crashAt(target, 'run', { isAfter: true });

    const outcome = await deploy(target, 'b', { hasCommand: true });

    expect(endOf(outcome)).toBe('good');
    expect([...target.commands.values()]).toMatchObject([{ starts: 1 }]);
  });

  test('that was begun before another release was wanted is looked up as well, and stays unknown', async () => {
    const target = servedBy('a');
    await crashAt(target, 'run', { isAfter: false });

    const other = await deploy(target, 'c');
    const again = await codeOf(deploy(target, 'b', { hasCommand: true }));

    expect(endOf(other)).toBe('good');
    expect(target.records[0]?.verdict).toMatchObject({ cause: 'command-unknown' });
    expect(again).toBe('command_unknown');
  });

  test('does not run for a rollback', async () => {
    const target = servedBy('a');

    const outcome = await rollBack(target, 'b', { hasCommand: true });

    expect(endOf(outcome)).toBe('good');
    expect(target.commands.size).toBe(0);
  });
});

describe('a new secret set', () => {
  test('is a rollout of the same release, and the replicas of the earlier set go', async () => {
    const target = new FakeTarget();
    target.serve(fakeRunning('a', { secretSet: 'amber' }));

    const outcome = await deploy(target, 'a', { secretSet: 'birch' });

    expect(endOf(outcome)).toBe('good');
    expect(target.desired.stable?.secretSet).toBe('birch');
    expect(target.replicas.every(({ key }) => key.endsWith('/birch'))).toBe(true);
  });

  test('is what rolls out once more what already serves; --again alone does not', async () => {
    const target = servedBy('a');

    const same = await deploy(target, 'a', { isAgain: true });
    const fresh = await deploy(target, 'a', { isAgain: true, secretSet: 'cedar' });

    expect(same).toEqual({ kind: 'unchanged' });
    expect(endOf(fresh)).toBe('good');
    expect(target.desired.stable?.secretSet).toBe('cedar');
  });
});

describe('a rollback', () => {
  test('starts all replicas at once, and they serve as soon as they are ready', async () => {
    const target = servedBy('b');
    const events: RolloutEvent[] = [];

    const outcome = await rollBack(target, 'a', { onEvent: (event) => events.push(event) });

    expect(recordOf(outcome)).toMatchObject({ kind: 'rollback', verdict: { kind: 'good' } });
    expect(story(events)).toEqual(['begun', 'starting all', 'judged good', 'draining', 'ended']);
    expect(serving(target)).toEqual(['a', 'a']);
  });

  test('to a release that no longer starts is taken back', async () => {
    const target = servedBy('b', { behaviours: { a: { failingPath: '/' } } });

    const outcome = await rollBack(target, 'a');

    expect(endOf(outcome)).toBe('declared-path');
    expect(serving(target)).toEqual(['b', 'b']);
  });

  test('replaces a stable release that fails', async () => {
    const target = servedBy('b', {
      behaviours: { b: { isUnwell: isBetween(1_001_000, Infinity), errorShare: () => 1 } },
    });

    const outcome = await rollBack(target, 'a');

    expect(endOf(outcome)).toBe('good');
    expect(serving(target)).toEqual(['a', 'a']);
  });
});

describe.each([
  ['one', 4],
  ['none', 3],
] as const)('a rollout of three replicas with room for %s more', (surge, most) => {
  test('lets them take the stable ones’ places after the first was watched, and watches them again', async () => {
    const target = servedBy('a', { replicas: 3 });
    const { counts, events, onEvent } = countReplicas(target);

    const outcome = await deploy(target, 'b', { surge, onEvent });

    expect(recordOf(outcome)).toMatchObject({ verdict: { kind: 'good' }, traffic: { errors: 0, lost: 0 } });
    expect(story(events)).toEqual([
      'begun',
      'starting one',
      'watching one',
      'starting all',
      'watching all',
      'judged good',
      'ended',
    ]);
    expect(Math.max(...counts)).toBe(most);
    expect(serving(target)).toEqual(['b', 'b', 'b']);
  });

  test('that turns bad while they do is taken back by starting stable ones anew', async () => {
    const b: Behaviour = { readyAtAge: 1_500, errorShare: (age) => (age > 3_600 ? 1 : 0) };
    const target = servedBy('a', { replicas: 3, behaviours: { b } });
    const { counts, events, onEvent } = countReplicas(target);

    const outcome = await deploy(target, 'b', { surge, onEvent });

    expect(recordOf(outcome)).toMatchObject({ verdict: { cause: 'errors' }, traffic: { lost: 0 } });
    expect(story(events).slice(-5)).toEqual([
      'starting all',
      'judged errors',
      'evidence',
      'draining',
      'ended',
    ]);
    expect(events).toContainEqual({
      kind: 'draining',
      left: expect.any(Number),
      stable: { ready: 2, wanted: 3 },
    });
    expect(Math.max(...counts)).toBe(most);
    expect(serving(target)).toEqual(['a', 'a', 'a']);
  });

  test('that is bad as one costs no more than that one', async () => {
    const target = servedBy('a', { replicas: 3, behaviours: { b: { failingPath: '/' } } });
    const { counts, onEvent } = countReplicas(target);

    const outcome = await deploy(target, 'b', { surge, onEvent });

    expect(endOf(outcome)).toBe('declared-path');
    expect(Math.max(...counts)).toBe(most);
    expect(serving(target)).toEqual(['a', 'a', 'a']);
  });

  test('goes one by one as a rollback too', async () => {
    const target = servedBy('b', { replicas: 3 });
    const { counts, events, onEvent } = countReplicas(target);

    const outcome = await rollBack(target, 'a', { surge, onEvent });

    expect(recordOf(outcome)).toMatchObject({ verdict: { kind: 'good' }, traffic: { lost: 0 } });
    expect(story(events).slice(0, 3)).toEqual(['begun', 'starting all', 'judged good']);
    expect(Math.max(...counts)).toBe(most);
    expect(serving(target)).toEqual(['a', 'a', 'a']);
  });

  test('starts all replicas of a first release at once', async () => {
    const target = new FakeTarget({ replicas: 3 });

    const outcome = await deploy(target, 'a', { surge });

    expect(endOf(outcome)).toBe('good');
    expect(target.now - 1_000_000).toBeLessThan(3_000);
    expect(serving(target)).toEqual(['a', 'a', 'a']);
  });

  test('ends although the stable release does not start again, and the next one mends that', async () => {
    let isGone = false;
    const target = servedBy('a', {
      replicas: 3,
      behaviours: {
        a: { isUnwell: () => isGone },
        b: { errorShare: (age) => (age > 2_500 ? 0.5 : 0) },
      },
    });
    const onEvent = (event: RolloutEvent) => {
      if (event.kind === 'judged') isGone = true;
    };

    const bad = await deploy(target, 'b', { surge, onEvent });
    const left = namesOf(target);
    const fix = await deploy(target, 'c', { surge });

    expect([endOf(bad), endOf(fix)]).toEqual(['errors', 'good']);
    expect(left).toContain('b');
    expect(serving(target)).toEqual(['c', 'c', 'c']);
  });
});

describe('the room that a rollout uses', () => {
  test('is what it began with, however it is gone on with', async () => {
    const target = servedBy('a', { replicas: 3 });
    const { counts, onEvent } = countReplicas(target);
    await deploy(target, 'b', { surge: 'one', crash: { atCall: 12, isAfter: true } }).catch(() => undefined);

    const outcome = await deploy(target, 'b', { onEvent });

    expect(endOf(outcome)).toBe('good');
    expect(Math.max(...counts)).toBe(4);
    expect(target.desired.surge).toBe('one');
  });

  test('is set where the release serves already', async () => {
    const target = servedBy('a');

    await deploy(target, 'a', { surge: 'none' });
    const set = target.desired.surge;
    await deploy(target, 'a');

    expect([set, target.desired.surge]).toEqual(['none', undefined]);
    expect(target.records).toEqual([]);
  });
});

describe('nothing is rolled out', () => {
  test('when the release serves already', async () => {
    const target = servedBy('a');

    const outcome = await deploy(target, 'a');

    expect(outcome).toEqual({ kind: 'unchanged' });
    expect(target.calls).not.toContain('set');
  });

  test('when the number of replicas alone is another, which is set and told', async () => {
    const target = servedBy('a');
    const events: RolloutEvent[] = [];

    const outcome = await deploy(target, 'a', { replicas: 5, onEvent: (event) => events.push(event) });

    const change = { object: 'environment', field: 'replicas', wanted: 5, found: 2 };
    expect(events).toEqual([{ kind: 'mended', differences: [change] }]);
    expect(outcome).toEqual({ kind: 'unchanged' });
    expect(target.replicas).toHaveLength(5);
    expect(target.records).toEqual([]);
  });

  test('when what others may have changed is mended: what shall be is set once more', async () => {
    const target = servedBy('a');

    const outcome = await deploy(target, 'a', { mends: true });

    expect(outcome).toEqual({ kind: 'unchanged' });
    expect(target.calls).toContain('set');
    expect(target.records).toEqual([]);
  });

  test('when the preflight finds a problem', async () => {
    const target = servedBy('a', {
      findings: [
        { isProblem: false, message: 'the disk is nearly full', hint: 'clear some' },
        { isProblem: true, message: 'no room for one more replica', hint: "set surge to 'none'" },
      ],
    });

    const rollout = deploy(target, 'b');

    await expect(rollout).rejects.toMatchObject({
      code: 'preflight_failed',
      message: 'no room for one more replica',
      hint: "set surge to 'none'",
    });
    expect(target.calls).not.toContain('publish');
    expect(target.calls).not.toContain('set');
  });

  test('when another holds the lock', async () => {
    const target = servedBy('a');
    await target.driver().lock();

    const code = await codeOf(deploy(target, 'b'));

    expect(code).toBe('rollout_running');
    expect(target.calls).not.toContain('set');
  });
});

test('a driver whose lock was taken over can no longer change anything', async () => {
  const target = servedBy('a');
  const late = target.driver();
  const lateLock = await late.lock();
  target.free(late);
  await target.driver().lock();

  const write = late.set({ replicas: 1 }, lateLock);

  await expect(write).rejects.toThrow('the lock’s token 1 is stale: 2 holds it');
  expect(serving(target)).toEqual(['a', 'a']);
});

test('a driver leaves a rollout that another has begun meanwhile', async () => {
  const target = servedBy('a');
  let other: Promise<Outcome> | undefined;

  const late = await deploy(target, 'b', {
    onEvent: (event) => {
      if (event.kind !== 'watching' || other) return;
      target.free();
      other = deploy(target, 'c');
    },
  }).catch((error: Error) => error.message);

  expect(await other?.then(endOf)).toBe('good');
  expect(late).toMatch(/stale|another command took its place/);
  expect(serving(target)).toEqual(['c', 'c']);
});

test('a failure is told as it was, although the lock can no longer be given back', async () => {
  const target = servedBy('a');

  const dead = deploy(target, 'b', { crash: { atCall: 3, isAfter: false } });

  await expect(dead).rejects.toThrow('at call 3, preflight');
});

test('the lock is free again after every end', async () => {
  const target = servedBy('a', { behaviours: { b: { failingPath: '/' } } });

  const bad = await deploy(target, 'b');
  const good = await deploy(target, 'c');

  expect([bad, good].map(endOf)).toEqual(['declared-path', 'good']);
});

function servedBy(name: string, options: FakeTargetOptions = {}): FakeTarget {
  const target = new FakeTarget(options);
  target.serve(fakeRunning(name));
  return target;
}

async function leaveHalfDone(target: FakeTarget, name: string): Promise<void> {
  await crashAt(target, 'observe', { name, isAfter: true, skip: 4, hasCommand: false });
}

/** A driver dies at its call of this name. */
async function crashAt(
  target: FakeTarget,
  call: string,
  { name = 'b', isAfter, skip = 0, hasCommand = true }: CrashOptions,
): Promise<void> {
  const rehearsal = new FakeTarget(target.options);
  if (target.desired.stable) rehearsal.serve(target.desired.stable);
  await deploy(rehearsal, name, { hasCommand });
  const at = rehearsal.calls.flatMap((each, index) => (each === call ? [index + 1] : []))[skip] ?? 0;
  await deploy(target, name, { hasCommand, crash: { atCall: at, isAfter } }).catch(() => undefined);
  target.calls.length = 0;
}

interface CrashOptions {
  readonly name?: string;
  readonly isAfter: boolean;
  /** How many calls of this name go well before. */
  readonly skip?: number;
  readonly hasCommand?: boolean;
}

/** How many replicas there were that do not leave, at each event. */
function countReplicas(target: FakeTarget) {
  const counts: number[] = [];
  const events: RolloutEvent[] = [];
  const onEvent = (event: RolloutEvent) => {
    counts.push(target.replicas.filter(({ isDraining }) => !isDraining).length);
    events.push(event);
  };
  return { counts, events, onEvent };
}

function isBetween(from: number, to: number): (now: number) => boolean {
  return (now) => now >= from && now < to;
}

function namesOf(target: FakeTarget): string[] {
  return target.replicas.map(({ running }) => nameOf(running.release));
}

/** The releases of the replicas, when nothing but the stable release is left. */
function serving(target: FakeTarget): string[] {
  expect(target.desired.rollout).toBeUndefined();
  expect(target.desired.candidate).toBeUndefined();
  expect(target.broken).toEqual([]);
  return namesOf(target);
}

/** The events in words, each once in a row. */
function story(events: readonly RolloutEvent[]): string[] {
  const words = events.map((event) => {
    if (event.kind === 'starting' || event.kind === 'watching') return `${event.kind} ${event.size}`;
    if (event.kind === 'command') return `command ${event.state}`;
    if (event.kind !== 'judged') return event.kind;
    const { judgement } = event;
    return `judged ${judgement.kind === 'good' ? 'good' : judgement.cause}`;
  });
  return words.filter((word, index) => word !== words[index - 1]);
}

function recordOf(outcome: Outcome) {
  if (outcome.kind !== 'ended') throw new Error(`the rollout is ${outcome.kind}`);
  return outcome.record;
}

async function codeOf(rollout: Promise<Outcome>): Promise<string> {
  return rollout.then(
    (outcome) => outcome.kind,
    (error: unknown) => {
      if (error instanceof UserError) return error.code;
      throw error;
    },
  );
}
