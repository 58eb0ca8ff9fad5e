import { describe, expect, test } from 'bun:test';
import { latencyBounds, latencyBucket, quantileBounds } from './latency.ts';
import { seededRandom } from './seeded-random.ts';

const growth = 1.1;

describe('a latency', () => {
  test('falls into the first bucket whose bound it does not pass', () => {
    const random = seededRandom(1);

    for (let n = 0; n < 2_000; n += 1) {
      const ms = 10 ** (5.5 * random() - 1.5);
      const expected = latencyBounds.findIndex((bound) => ms <= bound);
      expect(latencyBucket(ms), `${ms} ms`).toBe(expected === -1 ? latencyBounds.length - 1 : expected);
    }
  });

  test('falls into a bucket although it is nothing, or endless', () => {
    expect(latencyBucket(0)).toBe(0);
    expect(latencyBucket(-1)).toBe(0);
    expect(latencyBucket(Infinity)).toBe(latencyBounds.length - 1);
  });

  test('is known up to a minute at least', () => {
    expect(latencyBounds[0]).toBe(0.1);
    expect(latencyBounds.at(-1)).toBeGreaterThan(60_000);
  });
});

describe('the bounds on a quantile', () => {
  test('are the order statistics three standard deviations of the rank away, and hold them within a bucket', () => {
    const random = seededRandom(2);

    for (let n = 0; n < 300; n += 1) {
      const count = 200 + Math.floor(2_000 * random());
      const sample = Array.from({ length: count }, () => 1 + 400 * random() ** 3).sort((a, b) => a - b);
      for (const quantile of [0.5, 0.95]) {
        const spread = 3 * Math.sqrt(count * quantile * (1 - quantile));
        const low = sample[Math.ceil(count * quantile - spread) - 1] ?? Number.NaN;
        const high = sample[Math.ceil(count * quantile + spread) - 1] ?? Number.NaN;

        const bounds = quantileBounds(bucketsOf(sample), quantile);

        expectWithinBucket(low, bounds?.lowMs);
        expectWithinBucket(bounds?.highMs, high);
      }
    }
  });

  test('hold the true quantile but in about three of a thousand samples', () => {
    const random = seededRandom(3);
    let misses = 0;

    for (let n = 0; n < 2_000; n += 1) {
      const sample = Array.from({ length: 300 }, () => 1 + 99 * random());
      const { lowMs = 0, highMs = 0 } = quantileBounds(bucketsOf(sample), 0.5) ?? {};
      if (lowMs > 50.5 || highMs < 50.5) misses += 1;
    }

    expect(misses).toBeLessThan(12);
  });

  test('of what is slower than every bucket are open above', () => {
    const bounds = quantileBounds(bucketsOf(Array.from({ length: 100 }, () => 100_000)), 0.5);

    expect(bounds).toEqual({ lowMs: latencyBounds.at(-2) ?? 0, highMs: Infinity });
  });

  test('are not known of a sample that is too small', () => {
    const sampleOf = (count: number) => bucketsOf(Array.from({ length: count }, () => 10));

    expect(quantileBounds([], 0.5)).toBeUndefined();
    expect(quantileBounds(sampleOf(9), 0.5)).toBeUndefined();
    expect(quantileBounds(sampleOf(10), 0.5)).toBeDefined();
    expect(quantileBounds(sampleOf(171), 0.95)).toBeUndefined();
    expect(quantileBounds(sampleOf(172), 0.95)).toBeDefined();
  });
});

function bucketsOf(sample: readonly number[]): number[] {
  const buckets = latencyBounds.map(() => 0);
  for (const ms of sample) buckets[latencyBucket(ms)] = (buckets[latencyBucket(ms)] ?? 0) + 1;
  return buckets;
}

function expectWithinBucket(upper = Number.NaN, lower = Number.NaN): void {
  expect(upper).toBeGreaterThanOrEqual(lower);
  expect(upper).toBeLessThanOrEqual(lower * growth * (1 + 1e-9));
}
