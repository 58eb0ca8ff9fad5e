import { latencyBounds, latencyBucket } from '../../core/latency.ts';
import { type Fault, sumFaults, type TrafficCount } from '../../core/traffic.ts';

/** Counts the answers of one replica from one source. */
export class Tally {
  ok = 0;
  errors = 0;
  late = 0;
  lost = 0;
  retried = 0;
  #faults: readonly Fault[] = [];
  readonly latencyBuckets = new Array<number>(latencyBounds.length).fill(0);
  /** Requests of our own that wait for their answer, oldest first. */
  readonly waiting = new Set<{ readonly since: number }>();

  answered(isOk: boolean, ms: number): void {
    if (isOk) this.ok += 1;
    else this.errors += 1;
    const bucket = latencyBucket(ms);
    this.latencyBuckets[bucket] = (this.latencyBuckets[bucket] ?? 0) + 1;
  }

  /** Of an answer that was counted as an error: its path, where that is ours to name. */
  faulty(path: string | undefined, status: number): void {
    const fault = { ...(path === undefined ? {} : { path }), status, count: 1 };
    this.#faults = sumFaults([...this.#faults, fault]);
  }

  toCount(about: Pick<TrafficCount, 'source' | 'replica' | 'key'>): TrafficCount {
    const { ok, errors, late, lost, retried } = this;
    const [oldest] = this.waiting;
    return {
      ...about,
      ok,
      errors,
      ...(this.#faults.length > 0 ? { faults: this.#faults } : {}),
      late,
      lost,
      retried,
      latencyBuckets: [...this.latencyBuckets],
      ...(oldest ? { waitingSince: oldest.since } : {}),
    };
  }
}
