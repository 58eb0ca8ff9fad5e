import { latencyBounds, latencyBucket } from '../../core/latency.ts';
import type { TrafficCount } from '../../core/traffic.ts';
import type { Reading } from './exposition.ts';

/**
 * The totals of one pod since its first reading. A counter that is lower than before began again from zero: its
 * container was started anew.
 */
export class MetricsTotals {
  readonly #pod: string;
  readonly #key: string;
  readonly #requests = new Map<string, Grown>();
  readonly #faults = new Map<string, Grown>();
  readonly #latency = new Map<number, Grown>();
  #isFirst = true;

  constructor(pod: string, key: string) {
    this.#pod = pod;
    this.#key = key;
  }

  add({ requests, faults, durations }: Reading): void {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    grow(this.#requests, requests, isFirst);
    grow(this.#faults, faults, isFirst);
    grow(this.#latency, perBucket(durations), isFirst);
  }

  /** None where it does not count its requests. */
  toCount(): TrafficCount | undefined {
    if (this.#requests.size === 0) return undefined;
    let ok = 0;
    let errors = 0;
    for (const [status, { total }] of this.#requests) {
      if (status.startsWith('5')) errors += total;
      else ok += total;
    }
    return {
      source: 'metrics',
      replica: this.#pod,
      key: this.#key,
      ok: Math.round(ok),
      errors: Math.round(errors),
      ...this.#faultsOf(),
      lost: 0,
      retried: 0,
      ...this.#buckets(),
    };
  }

  #faultsOf(): Pick<TrafficCount, 'faults'> {
    const faults = [...this.#faults].flatMap(([key, { total }]) => {
      const [status = '', ...path] = key.split(' ');
      const count = Math.round(total);
      const where = path.join(' ');
      return count > 0 ? [{ ...(where === '' ? {} : { path: where }), status: Number(status), count }] : [];
    });
    return faults.length > 0 ? { faults } : {};
  }

  /** Each answer at the lower and at the upper end of its bucket. */
  #buckets(): Pick<TrafficCount, 'latencyBuckets' | 'latencyAtMost'> {
    const latencyBuckets = new Array<number>(latencyBounds.length).fill(0);
    const latencyAtMost = [...latencyBuckets];
    let below = 0;
    for (const [bound, { total }] of [...this.#latency].sort(([a], [b]) => a - b)) {
      const least = latencyBucket(below * 1000);
      const most = Number.isFinite(bound) ? latencyBucket(bound * 1000) : latencyBounds.length - 1;
      latencyBuckets[least] = (latencyBuckets[least] ?? 0) + Math.round(total);
      latencyAtMost[most] = (latencyAtMost[most] ?? 0) + Math.round(total);
      below = bound;
    }
    return { latencyBuckets, latencyAtMost };
  }
}

interface Grown {
  readonly last: number;
  readonly total: number;
}

/** What appears later was zero before. */
function grow<K>(known: Map<K, Grown>, values: ReadonlyMap<K, number>, isFirst: boolean): void {
  for (const [name, value] of values) {
    const before = known.get(name) ?? { last: isFirst ? value : 0, total: 0 };
    const grown = value < before.last ? value : value - before.last;
    known.set(name, { last: value, total: before.total + grown });
  }
}

/** Of cumulative buckets, what each holds alone. */
function perBucket(durations: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let before = 0;
  for (const [bound, count] of [...durations].sort(([a], [b]) => a - b)) {
    found.set(bound, Math.max(0, count - before));
    before = Math.max(before, count);
  }
  return found;
}
