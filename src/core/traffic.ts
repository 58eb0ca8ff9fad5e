import { z } from 'zod';

/** Answers that were errors, alike in path and status; of users' requests the path as a metric has it, if it has one. */
export interface Fault {
  readonly path?: string;
  readonly status: number;
  readonly count: number;
}

/** Totals since the rollout began, per replica, so that a restart of the reader loses nothing. */
export interface TrafficCount {
  readonly source: 'front' | 'probe' | 'metrics';
  /** Absent where no replica was reached. */
  readonly replica?: string;
  /** `runningKey` of what that replica runs. */
  readonly key?: string;
  readonly ok: number;
  readonly errors: number;
  /** Those of the errors that got no answer in time. */
  readonly late?: number;
  /** Those of the errors of which path and status are known. */
  readonly faults?: readonly Fault[];
  readonly lost: number;
  readonly retried: number;
  /** When the oldest request of our probe that still waits for its answer was sent, in milliseconds since 1970. */
  readonly waitingSince?: number;
  /** How many answers fell into each bucket of `latencyBounds`. */
  readonly latencyBuckets: readonly number[];
  /**
   * The same, at the most that each may have taken, where latency is known from wider buckets alone; `latencyBuckets`
   * then holds the least.
   */
  readonly latencyAtMost?: readonly number[];
}

export const trafficTotalSchema = z.strictObject({
  requests: z.int(),
  errors: z.int(),
  lost: z.int(),
  retried: z.int(),
});
/** What a rollout's record keeps of its traffic. */
export type TrafficTotal = Readonly<z.infer<typeof trafficTotalSchema>>;

export function totalOf(counts: readonly TrafficCount[]): TrafficTotal {
  let requests = 0;
  let errors = 0;
  let lost = 0;
  let retried = 0;
  for (const count of counts) {
    requests += count.ok + count.errors + count.lost;
    errors += count.errors;
    lost += count.lost;
    retried += count.retried;
  }
  return { requests, errors, lost, retried };
}

/**
 * One side of a comparison: what the replicas of one release answered. A request that had to be sent to another
 * replica is an error of the one that failed it, although its user never saw it.
 */
export interface Answers {
  readonly ok: number;
  readonly errors: number;
  /** Those of the errors that got no answer in time. */
  readonly late: number;
  /** Those of the errors of which path and status are known, the most frequent first. */
  readonly faults?: readonly Fault[];
  readonly latencyBuckets: readonly number[];
  /** What they took at most, where `latencyBuckets` says what they took at least. */
  readonly latencyAtMost: readonly number[];
}

export function answersOf(counts: readonly TrafficCount[]): Answers {
  const latencyBuckets: number[] = [];
  const latencyAtMost: number[] = [];
  let ok = 0;
  let errors = 0;
  let late = 0;
  for (const count of counts) {
    ok += count.ok;
    errors += count.errors + (count.source === 'front' ? count.retried : 0);
    late += count.late ?? 0;
    addTo(latencyBuckets, count.latencyBuckets);
    addTo(latencyAtMost, count.latencyAtMost ?? count.latencyBuckets);
  }
  const faults = sumFaults(counts.flatMap((count) => count.faults ?? []));
  return { ok, errors, late, ...(faults.length > 0 ? { faults } : {}), latencyBuckets, latencyAtMost };
}

/** Each path with each status once, the most frequent first. */
export function sumFaults(faults: readonly Fault[]): readonly Fault[] {
  const sums = new Map<string, Fault>();
  for (const fault of faults) {
    const key = `${fault.status} ${fault.path ?? ''}`;
    sums.set(key, { ...fault, count: fault.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()].sort((a, b) => b.count - a.count);
}

/** Those that came after the earlier ones; a count that is lower by now, of another source, is none. */
export function answersSince(now: Answers, before: Answers | undefined): Answers {
  if (!before) return now;
  const less = (buckets: readonly number[], earlier: readonly number[]) =>
    buckets.map((count, index) => Math.max(0, count - (earlier[index] ?? 0)));
  return {
    ok: Math.max(0, now.ok - before.ok),
    errors: Math.max(0, now.errors - before.errors),
    late: Math.max(0, now.late - before.late),
    latencyBuckets: less(now.latencyBuckets, before.latencyBuckets),
    latencyAtMost: less(now.latencyAtMost, before.latencyAtMost),
  };
}

function addTo(sum: number[], buckets: readonly number[]): void {
  for (const [index, n] of buckets.entries()) sum[index] = (sum[index] ?? 0) + n;
}

export function errorShare({ ok, errors }: Answers): number {
  return errors === 0 ? 0 : errors / (ok + errors);
}
