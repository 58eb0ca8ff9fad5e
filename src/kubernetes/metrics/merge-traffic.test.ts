import { describe, expect, test } from 'bun:test';
import { answersOf, type TrafficCount } from '../../core/traffic.ts';
import { judgeErrors, judgeWatch } from '../../core/verdict.ts';
import type { ProbeCount } from '../agent/probe-count.ts';
import { mergeTraffic } from './merge-traffic.ts';

const allowance = { errorShare: 0.02, slowdown: 1.5 };

describe('one replica', () => {
  test('counts by its own metrics, with what only the probe can see', () => {
    const metrics = [
      count({ source: 'metrics', ok: 1000, errors: 5, latencyBuckets: [9], latencyAtMost: [0, 9] }),
    ];
    const unseen = { rejected: 3, transport: 4 };
    const probe = [probed({ ok: 50, errors: 9, late: 2, lost: 1, retried: 6, latencyBuckets: [50], unseen })];

    const merged = mergeTraffic({ metrics, probe });

    expect(merged).toEqual([
      count({
        source: 'metrics',
        ok: 997,
        errors: 12,
        late: 2,
        lost: 1,
        retried: 6,
        latencyBuckets: [50],
      }),
    ]);
  });

  test('tells the faults of its metrics where those say which path, and else those that the probe met', () => {
    const probe = [
      probed({
        errors: 3,
        faults: [
          { path: '/', status: 500, count: 2 },
          { path: '/b', status: 404, count: 1 },
        ],
      }),
    ];
    const faultsOf = (path?: string) => {
      const fault = { ...(path ? { path } : {}), status: 500, count: 9 };
      const metrics = [count({ source: 'metrics', ok: 7, errors: 9, faults: [fault] })];
      return mergeTraffic({ metrics, probe })[0]?.faults;
    };

    expect(faultsOf('/orders')).toEqual([
      { path: '/orders', status: 500, count: 9 },
      { path: '/b', status: 404, count: 1 },
    ]);
    expect(faultsOf()).toEqual(probe[0]?.faults ?? []);
  });

  test('counts by the probe where it has no metrics, or where they stand still', () => {
    const probe = [probed({ ok: 50, errors: 2 })];

    for (const metrics of [[], [count({ source: 'metrics' })]]) {
      expect(mergeTraffic({ metrics, probe })).toEqual([count({ ok: 50, errors: 2 })]);
    }
  });

  test('counts by its metrics where the probe is not there', () => {
    const metrics = [count({ source: 'metrics', ok: 7, latencyBuckets: [7], latencyAtMost: [0, 7] })];

    expect(mergeTraffic({ metrics, probe: [] })).toEqual(metrics);
  });

  test('shows since when the probe waits for it', () => {
    const metrics = [count({ source: 'metrics', ok: 7 })];

    const merged = mergeTraffic({ metrics, probe: [probed({ waitingSince: 1234 })] });

    expect(merged[0]?.waitingSince).toBe(1234);
  });
});

test('what was seen through the Service is nobody’s in particular, and what metrics hold is counted once', () => {
  const unseen = { rejected: 0, transport: 1 };
  const service = probed({ replica: undefined, key: undefined, ok: 9, errors: 4, lost: 2, unseen });
  const serviceIn = (metrics: readonly TrafficCount[]) =>
    mergeTraffic({ metrics, probe: [service] }).find(({ replica }) => replica === undefined);

  expect(serviceIn([])).toMatchObject({ ok: 9, errors: 4, lost: 2 });
  expect(serviceIn([count({ source: 'metrics' })])).toMatchObject({ ok: 9, errors: 4, lost: 2 });
  expect(serviceIn([count({ source: 'metrics', ok: 7 })])).toMatchObject({ ok: 0, errors: 1, lost: 2 });
});

describe('the verdict', () => {
  test('takes a release back for errors that only its users’ requests meet', () => {
    const probe = [probed({ replica: 'c', ok: 100 }), probed({ replica: 's', key: 'stable', ok: 100 })];
    const metrics = [
      count({ source: 'metrics', replica: 'c', ok: 900, errors: 100 }),
      count({ source: 'metrics', replica: 's', key: 'stable', ok: 1000 }),
    ];

    const [candidate, stable] = sides(mergeTraffic({ metrics, probe }));

    expect(judgeErrors(candidate, stable, allowance)).toMatchObject({ cause: 'errors' });
  });

  test('calls no release slow for the width of the buckets that its metrics have', () => {
    const wide = Array.from({ length: 143 }, () => 0);
    const least = wide.with(50, 1000);
    const most = wide.with(80, 1000);
    const metrics = [
      count({ source: 'metrics', replica: 'c', ok: 1000, latencyBuckets: least, latencyAtMost: most }),
      count({
        source: 'metrics',
        replica: 's',
        key: 'stable',
        ok: 1000,
        latencyBuckets: wide.with(0, 1000),
        latencyAtMost: most,
      }),
    ];

    const [candidate, stable] = sides(mergeTraffic({ metrics, probe: [] }));

    expect(judgeWatch(candidate, stable, allowance)).toBeUndefined();
  });
});

function sides(counts: readonly TrafficCount[]) {
  const of = (key: string) => answersOf(counts.filter((one) => one.key === key));
  return [of('candidate'), of('stable')] as const;
}

function count(given: Partial<TrafficCount> = {}): TrafficCount {
  return {
    source: 'probe',
    replica: 'shop-1',
    key: 'candidate',
    ok: 0,
    errors: 0,
    late: 0,
    lost: 0,
    retried: 0,
    latencyBuckets: [],
    ...given,
  };
}

function probed(given: Partial<ProbeCount> = {}): ProbeCount {
  return { ...count(), source: 'probe', unseen: { rejected: 0, transport: 0 }, ...given } as ProbeCount;
}
