const firstMs = 0.1;
const growth = 1.1;
const bucketCount = 143;

/** Upper bounds in milliseconds, 0.1 ms to about 75 s, each a tenth above the one before; what is slower falls into the last bucket. */
export const latencyBounds: readonly number[] = Array.from(
  { length: bucketCount },
  (_, index) => firstMs * growth ** index,
);

/** The index of the bucket that a latency falls into. */
export function latencyBucket(ms: number): number {
  if (ms <= firstMs) return 0;
  return Math.min(bucketCount - 1, Math.ceil(Math.log(ms / firstMs) / Math.log(growth)));
}

/** How sure a bound on a quantile is, in standard deviations of its rank: 3 is about one in a thousand. */
const sureness = 3;

/**
 * Bounds on a quantile of the distribution behind a sample: its order statistics at the quantile's rank,
 * give or take three standard deviations, and there the bounds of their buckets. A sample that is too small
 * to bound gives `undefined`.
 */
export function quantileBounds(
  buckets: readonly number[],
  quantile: number,
): { readonly lowMs: number; readonly highMs: number } | undefined {
  const count = buckets.reduce((sum, n) => sum + n, 0);
  if (count === 0) return undefined;
  const spread = sureness * Math.sqrt((quantile * (1 - quantile)) / count);
  if (quantile - spread <= 0 || quantile + spread >= 1) return undefined;
  const low = bucketAt(buckets, (quantile - spread) * count);
  const high = bucketAt(buckets, (quantile + spread) * count);
  return {
    lowMs: latencyBounds[low - 1] ?? 0,
    highMs: high === bucketCount - 1 ? Infinity : (latencyBounds[high] ?? Infinity),
  };
}

/** The bucket that holds the value of this rank. */
function bucketAt(buckets: readonly number[], rank: number): number {
  let below = 0;
  return buckets.findIndex((n) => {
    below += n;
    return below >= rank;
  });
}
