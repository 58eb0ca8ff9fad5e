import { showMs } from '../../core/duration.ts';
import { UnreachableError } from '../../core/errors.ts';
import type { Store, StoredState } from '../store/store.ts';

export interface StateFeedOptions {
  readonly store: Pick<Store, 'readState'>;
  readonly onChange: () => void;
  /** It answers again, or this machine slept: what was watched meanwhile may have missed something. */
  readonly onReturn: () => void;
  /** Milliseconds, from any moment. */
  readonly clock?: () => number;
}

const pauseMs = 700;
/** One answer that is late is no outage. */
const patienceMs = 2_500;
/** It is told all the same: an API that is away for a moment is seen by nothing else. */
const lateMs = 1_500;
/** Reads are closer together than this, unless the machine stood still. */
const sleepMs = 6_000;

/** What is stored, read again and again: another command's change is seen by it, and that the API answers. */
export class StateFeed {
  readonly #options: StateFeedOptions;
  readonly #closed = new AbortController();
  readonly #clock: () => number;
  readonly #late: string[] = [];
  #state: StoredState | undefined;
  #readAt: number | undefined;
  /** Since when it is asked without an answer. */
  #askedAt: number;
  #isAway = false;
  #failure: unknown;
  #cause = 'it gives no answer';
  #epoch = 0;
  #isStarted = false;
  #wokeAt: number | undefined;

  constructor(options: StateFeedOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    this.#askedAt = this.#clock();
  }

  get state(): StoredState | undefined {
    return this.#state;
  }

  /** What is stored is known, and not from long ago. Throws what the API refused it with. */
  get isFresh(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#readAt !== undefined && !this.#isAway && this.#clock() - this.#askedAt < patienceMs;
  }

  /** Why it is not; undefined while it may answer yet. */
  get cause(): string | undefined {
    const isLate = this.#clock() - this.#askedAt >= patienceMs;
    return this.#isAway || isLate ? this.#cause : undefined;
  }

  /** Answers that came late, each once, in the words of a disturbance. */
  get late(): readonly string[] {
    return this.#late;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#askedAt = this.#clock();
    void this.#keepReading();
  }

  /** What was written just now; what was asked before says nothing of it. */
  take(state: StoredState): void {
    this.#epoch += 1;
    this.#state = state;
    this.#readAt = this.#clock();
    this.#failure = undefined;
  }

  close(): void {
    this.#closed.abort();
  }

  async #keepReading(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await this.#read();
      await Bun.sleep(pauseMs);
    }
  }

  async #read(): Promise<void> {
    const epoch = this.#epoch;
    const hasSlept = this.#wokeAt !== undefined && Math.abs(Date.now() - this.#wokeAt) > sleepMs;
    this.#wokeAt = Date.now();
    if (!this.#isAway) this.#askedAt = this.#clock();
    const patience = AbortSignal.timeout(patienceMs);
    try {
      const state = await this.#options.store.readState(AbortSignal.any([this.#closed.signal, patience]));
      if (this.#closed.signal.aborted) return;
      if (this.#isAway || hasSlept) this.#options.onReturn();
      const tookMs = this.#clock() - this.#askedAt;
      if (!this.#isAway && !hasSlept && tookMs > lateMs) this.#late.push(`no answer for ${showMs(tookMs)}`);
      this.#isAway = false;
      this.#askedAt = this.#clock();
      const isChanged = this.#readAt === undefined || state?.resourceVersion !== this.#state?.resourceVersion;
      if (epoch === this.#epoch) {
        this.#state = state;
        this.#readAt = this.#clock();
      }
      if (isChanged) this.#options.onChange();
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      if (!patience.aborted && !(error instanceof UnreachableError)) this.#failure = error;
      this.#isAway = true;
      this.#cause = error instanceof UnreachableError ? error.message : 'it gives no answer';
      this.#options.onChange();
    }
  }
}
