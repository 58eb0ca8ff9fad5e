import { describe, expect, test } from 'bun:test';
import { latencyBounds, latencyBucket, quantileBounds } from '../../core/latency.ts';
import { MetricsTotals } from './metrics-totals.ts';

describe('totals', () => {
  test('begin at the first reading', () => {
    const totals = new MetricsTotals('shop-1', 'key');

    totals.add(reading({ 200: 100, 503: 7 }));
    expect(totals.toCount()).toMatchObject({ ok: 0, errors: 0 });
    totals.add(reading({ 200: 110, 503: 9, 404: 2, 500: 1 }));

    expect(totals.toCount()).toMatchObject({
      source: 'metrics',
      replica: 'shop-1',
      key: 'key',
      ok: 12,
      errors: 3,
      faults: [
        { path: '/a b', status: 503, count: 2 },
        { path: '/a b', status: 500, count: 1 },
      ],
      lost: 0,
    });
  });

  test('go on when the counters begin again from zero', () => {
    const totals = new MetricsTotals('shop-1', 'key');

    for (const value of [100, 150, 3, 10]) totals.add(reading({ 200: value }));

    expect(totals.toCount()?.ok).toBe(60);
  });

  test('are none for a replica that does not count its requests', () => {
    const totals = new MetricsTotals('shop-1', 'key');

    totals.add(reading({}, { 0.1: 5 }));

    expect(totals.toCount()).toBeUndefined();
  });
});

describe('latency', () => {
  test('is known to the bounds of its buckets', () => {
    const totals = new MetricsTotals('shop-1', 'key');
    totals.add(reading({ 200: 0 }, { 0.01: 0, 0.05: 0, Infinity: 0 }));

    totals.add(reading({ 200: 10 }, { 0.01: 2, 0.05: 9, Infinity: 10 }));

    const { latencyBuckets = [], latencyAtMost = [] } = totals.toCount() ?? {};
    expect(filled(latencyBuckets)).toEqual([
      [0, 2],
      [latencyBucket(10), 7],
      [latencyBucket(50), 1],
    ]);
    expect(filled(latencyAtMost)).toEqual([
      [latencyBucket(10), 2],
      [latencyBucket(50), 7],
      [latencyBounds.length - 1, 1],
    ]);
  });

  test('bounds a quantile by the bounds of the bucket that it lies in', () => {
    const totals = new MetricsTotals('shop-1', 'key');
    totals.add(reading({ 200: 0 }, { 0.01: 0, 0.05: 0, Infinity: 0 }));

    totals.add(reading({ 200: 1000 }, { 0.01: 100, 0.05: 1000, Infinity: 1000 }));

    const { latencyBuckets = [], latencyAtMost = [] } = totals.toCount() ?? {};
    expect(quantileBounds(latencyBuckets, 0.5)?.lowMs).toBeLessThanOrEqual(10);
    expect(quantileBounds(latencyAtMost, 0.5)?.highMs).toBeGreaterThanOrEqual(50);
  });
});

function reading(statuses: Readonly<Record<string, number>>, buckets: Readonly<Record<string, number>> = {}) {
  return {
    requests: new Map(Object.entries(statuses)),
    faults: new Map(
      Object.entries(statuses)
        .filter(([status]) => status.startsWith('5'))
        .map(([status, count]) => [`${status} /a b`, count]),
    ),
    durations: new Map(Object.entries(buckets).map(([bound, count]) => [Number(bound), count])),
  };
}

function filled(buckets: readonly number[]): readonly (readonly [number, number])[] {
  return [...buckets.entries()].filter(([, count]) => count > 0);
}
