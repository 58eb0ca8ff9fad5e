import { expect, test } from 'bun:test';
import { answersOf, errorShare, type TrafficCount, totalOf } from './traffic.ts';

const count: TrafficCount = {
  source: 'front',
  replica: 'r1',
  key: 'a',
  ok: 10,
  errors: 2,
  late: 1,
  lost: 1,
  retried: 4,
  latencyBuckets: [5, 7],
};

test('the total counts every request once, and a retried one is not one more', () => {
  const unreached: TrafficCount = {
    source: 'front',
    ok: 0,
    errors: 0,
    lost: 3,
    retried: 0,
    latencyBuckets: [],
  };

  const total = totalOf([count, { ...count, replica: 'r2', source: 'probe' }, unreached]);

  expect(total).toEqual({ requests: 29, errors: 4, lost: 5, retried: 8 });
});

test('the total of nothing is zero', () => {
  expect(totalOf([])).toEqual({ requests: 0, errors: 0, lost: 0, retried: 0 });
});

test('the answers of several replicas add up, bucket by bucket', () => {
  const answers = answersOf([count, { ...count, ok: 1, errors: 0, late: 0, latencyBuckets: [1, 0, 2] }]);

  const buckets = { latencyBuckets: [6, 7, 2], latencyAtMost: [6, 7, 2] };
  expect(answers).toEqual({ ok: 11, errors: 10, late: 1, ...buckets });
});

test('the faults of several replicas add up by path and status, the most frequent first', () => {
  const fault = (path: string, status: number, number: number) => ({ path, status, count: number });

  const { faults } = answersOf([
    { ...count, faults: [fault('/', 500, 2), fault('/', 503, 3)] },
    { ...count, faults: [fault('/b', 500, 1), fault('/', 500, 2)] },
    count,
  ]);

  expect(faults).toEqual([fault('/', 500, 4), fault('/', 503, 3), fault('/b', 500, 1)]);
});

test('what is known from wider buckets alone adds up at its least and at its most', () => {
  const wide = { ...count, latencyBuckets: [9, 0, 0], latencyAtMost: [0, 0, 9] };

  const answers = answersOf([wide, { ...count, latencyBuckets: [1, 2] }]);

  expect(answers).toMatchObject({ latencyBuckets: [10, 2, 0], latencyAtMost: [1, 2, 9] });
});

test('the share of errors is of those that were answered, and of none it is zero', () => {
  expect(errorShare({ ok: 30, errors: 10, late: 0, latencyBuckets: [], latencyAtMost: [] })).toBe(0.25);
  expect(errorShare({ ok: 0, errors: 0, late: 0, latencyBuckets: [], latencyAtMost: [] })).toBe(0);
});
