import type { ServiceReport } from '../src/kubernetes/agent/report.ts';
import type { Outcome } from './caller.ts';

/** Whether some replica was not well between two moments of `performance.now`. */
export type WasTroubled = (from: number, to: number) => boolean;

/** How long a failure waits to be understood: what made it may show a little later, a late answer or an exit code. */
const usualSettleMs = 1_500;
/** As long before it was sent: a replica that ended is still in the Service's list for a moment. */
const usualBeforeMs = 2_000;
const lossesKept = 5;

/**
 * What users see. A request that failed in transport while every replica was well is lost; while one was not, it is
 * that one's error. What was sent before the first answer came is no loss: nothing served yet.
 */
export class ServiceTally {
  readonly #wasTroubled: WasTroubled;
  readonly #settleMs: number;
  readonly #beforeMs: number;
  readonly #losses: string[] = [];
  #servesSince = Number.POSITIVE_INFINITY;
  #ok = 0;
  #errors = 0;
  #failed = 0;
  #late = 0;
  #lost = 0;
  #retried = 0;

  constructor({
    wasTroubled,
    settleMs = usualSettleMs,
    beforeMs = usualBeforeMs,
  }: {
    readonly wasTroubled: WasTroubled;
    readonly settleMs?: number;
    readonly beforeMs?: number;
  }) {
    this.#wasTroubled = wasTroubled;
    this.#settleMs = settleMs;
    this.#beforeMs = beforeMs;
  }

  async add({ ending, ms, isRetried }: Outcome): Promise<void> {
    if (isRetried) this.#retried += 1;
    if (ending.kind === 'answered') {
      this.#servesSince = Math.min(this.#servesSince, performance.now());
      if (ending.status < 500) this.#ok += 1;
      else {
        this.#errors += 1;
        this.#failed += 1;
      }
      return;
    }
    const at = new Date();
    const endedAt = performance.now();
    await Bun.sleep(this.#settleMs);
    if (endedAt - ms < this.#servesSince) return;
    if (this.#wasTroubled(endedAt - ms - this.#beforeMs, performance.now())) {
      this.#errors += 1;
      if (ending.kind === 'late') this.#late += 1;
      return;
    }
    this.#lost += 1;
    this.#losses.push(`${at.toISOString()} ${ending.kind}: ${ending.detail}`);
    if (this.#losses.length > lossesKept) this.#losses.shift();
  }

  report(): ServiceReport {
    return {
      ok: this.#ok,
      errors: this.#errors,
      failed: this.#failed,
      late: this.#late,
      lost: this.#lost,
      retried: this.#retried,
      ...(this.#losses.length === 0 ? {} : { losses: [...this.#losses] }),
    };
  }
}
