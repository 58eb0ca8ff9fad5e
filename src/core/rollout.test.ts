import { describe, expect, test } from 'bun:test';
import { fakeRunning } from './fake-rollout.ts';
import { fakeRelease } from './fake-target.ts';
import {
  belongsTo,
  type Candidate,
  candidateCount,
  desiredSchema,
  givesWay,
  isSame,
  type Rollout,
  runningKey,
} from './rollout.ts';

describe('what runs', () => {
  const release = fakeRelease('a');

  test('is told apart by release and secret set', () => {
    const keys = [
      { release },
      { release, secretSet: 'amber' },
      { release, secretSet: 'birch' },
      { release: fakeRelease('b') },
    ].map(runningKey);

    expect(new Set(keys).size).toBe(4);
    expect(keys[0]).toBe(release.id);
  });

  test('is the same as an equal one, and nothing is the same as nothing', () => {
    expect(isSame({ release, secretSet: 'amber' }, { release: fakeRelease('a'), secretSet: 'amber' })).toBe(
      true,
    );
    expect(isSame({ release }, { release, secretSet: 'amber' })).toBe(false);
    expect(isSame(undefined, { release })).toBe(false);
    expect(isSame(undefined, undefined)).toBe(false);
  });

  test('has the replicas of its key', () => {
    const running = { release, secretSet: 'amber' };

    expect(belongsTo({ key: runningKey(running) }, running)).toBe(true);
    expect(belongsTo({ key: release.id }, running)).toBe(false);
    expect(belongsTo({}, running)).toBe(false);
    expect(belongsTo({}, undefined)).toBe(false);
  });
});

describe('of a candidate are wanted', () => {
  const candidate = (size: Candidate['size']) => ({ ...fakeRunning('b'), size });

  test.each([
    ['none before there is one', { replicas: 3 }, 0],
    ['none before its command has ended', { replicas: 3, candidate: candidate('none') }, 0],
    ['one at first', { replicas: 3, candidate: candidate('one') }, 1],
    ['as many as the config says then', { replicas: 3, candidate: candidate('all') }, 3],
    ['as many as the autoscaler made', { replicas: 'autoscaled' as const, candidate: candidate('all') }, 5],
  ])('%s', (_title, desired, count) => {
    expect(candidateCount(desired, 5)).toBe(count);
  });

  test('one at least, where the autoscaler has made none', () => {
    expect(candidateCount({ replicas: 'autoscaled', candidate: candidate('all') }, 0)).toBe(1);
  });
});

test('where stable replicas give way, an autoscaler’s number is that of both releases together', () => {
  const candidate = { ...fakeRunning('b'), size: 'all' as const };

  expect(candidateCount({ replicas: 'autoscaled', surge: 'one', candidate }, 2, 3)).toBe(5);
  expect(candidateCount({ replicas: 'autoscaled', candidate }, 2, 3)).toBe(2);
});

test('stable replicas give way from the candidate’s start to the end of a rollout that has no room for all', () => {
  const stable = fakeRunning('a');
  const rollout = { id: 'r1' } as Rollout;
  const candidate = (size: Candidate['size']) => ({ ...fakeRunning('b'), size });
  const without = { replicas: 2, surge: 'none', stable, rollout } as const;

  expect(givesWay({ ...without, candidate: candidate('none') })).toBe(false);
  expect(givesWay({ ...without, candidate: candidate('one') })).toBe(true);
  expect(givesWay({ ...without, candidate: candidate('all') })).toBe(true);
  expect(givesWay(without)).toBe(true);
  expect(givesWay({ replicas: 2, surge: 'none', stable })).toBe(false);
  expect(givesWay({ replicas: 2, surge: 'none', rollout, candidate: candidate('all') })).toBe(false);
  expect(givesWay({ replicas: 2, stable, rollout, candidate: candidate('one') })).toBe(false);
});

test('desired state is the same after it was stored and read', () => {
  const desired = {
    replicas: 2,
    surge: 'one' as const,
    stable: fakeRunning('a', { secretSet: 'amber' }),
    candidate: { ...fakeRunning('b', { hasCommand: true }), size: 'none' as const },
    rollout: {
      id: 'r1',
      kind: 'deploy' as const,
      by: 'ada',
      startedAt: 1,
      release: fakeRelease('b').id,
      artifact: 'sha256:b',
      command: 'begun' as const,
      judged: {
        kind: 'failed' as const,
        cause: 'command' as const,
        message: 'migrate ended with exit code 1',
        evidence: { exit: 'exit code 1', lines: ['no such table'] },
      },
    },
  };

  const read = desiredSchema.parse(JSON.parse(JSON.stringify(desired)));

  expect(read).toEqual(desired);
});
