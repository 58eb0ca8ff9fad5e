import { latencyBucket } from '../src/core/latency.ts';
import type { ReplicaReport } from '../src/kubernetes/agent/report.ts';
import type { Outcome } from './caller.ts';

/** What the probe saw of one replica. */
export class ReplicaTally {
  readonly #about: Pick<ReplicaReport, 'name' | 'release' | 'secretSet'>;
  readonly #counts = {
    ok: 0,
    rejected: 0,
    failed: 0,
    refused: 0,
    cut: 0,
    late: 0,
    malformed: 0,
    lost: 0,
    retried: 0,
  };
  readonly #latency = new Map<number, number>();
  /** By path and status: declared paths are few. */
  readonly #faults = new Map<string, [path: string, status: number, count: number]>();

  constructor(about: Pick<ReplicaReport, 'name' | 'release' | 'secretSet'>) {
    this.#about = about;
  }

  add({ ending, ms }: Outcome, path: string): void {
    this.#counts[nameOf(ending)] += 1;
    if (ending.kind === 'answered' && ending.status >= 400) this.#addFault(path, ending.status);
    const bucket = latencyBucket(ms);
    this.#latency.set(bucket, (this.#latency.get(bucket) ?? 0) + 1);
  }

  lost(): void {
    this.#counts.lost += 1;
  }

  retried(): void {
    this.#counts.retried += 1;
  }

  #addFault(path: string, status: number): void {
    const key = `${status} ${path}`;
    const [, , before = 0] = this.#faults.get(key) ?? [];
    this.#faults.set(key, [path, status, before + 1]);
  }

  report(waiting: Iterable<{ readonly since: number }>): ReplicaReport {
    const [oldest] = waiting;
    return {
      ...this.#about,
      ...this.#counts,
      latency: [...this.#latency].sort(([a], [b]) => a - b),
      ...(this.#faults.size > 0 ? { faults: [...this.#faults.values()] } : {}),
      ...(oldest ? { waitingMs: Math.max(0, Date.now() - oldest.since) } : {}),
    };
  }
}

/** Of a declared path more is promised than of others: 200–399. */
function nameOf(ending: Outcome['ending']) {
  switch (ending.kind) {
    case 'answered':
      if (ending.status < 400) return 'ok';
      return ending.status < 500 ? 'rejected' : 'failed';
    case 'reset':
      return 'cut';
    default:
      return ending.kind;
  }
}
