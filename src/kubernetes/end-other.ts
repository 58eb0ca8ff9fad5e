import type { Emit } from '../core/event.ts';
import { patientRules } from '../core/return-to.ts';
import { type Outcome, type RolloutContext, takeOut } from '../core/roll-out.ts';
import type { Rollout } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import type { Place } from './manifests/names.ts';
import type { Store } from './store/store.ts';
import { askToGiveUp } from './target/lease.ts';

export interface AwaitOtherOptions {
  readonly store: Store;
  /** The one that was found. */
  readonly rollout: Rollout;
  /** Told what the other command decides. */
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface EndOtherOptions extends AwaitOtherOptions {
  readonly api: Api;
  readonly place: Place;
  readonly by: string;
}

type Drive = (work: (context: RolloutContext) => Promise<Outcome>) => Promise<Outcome>;

const pauseMs = 300;

/**
 * Ends a rollout that another command began: asks the one that drives it to take it out, and waits; where nobody drives
 * it any more, takes it out itself.
 */
export async function endOther(options: EndOtherOptions, drive: Drive): Promise<Outcome> {
  const { api, place, by, signal } = options;
  const reason = `taken out by ${by}`;
  const other = new Other(options);
  for (;;) {
    const isAsked = await askToGiveUp({ api, place, reason, signal });
    const ended = await other.look({ isDriven: isAsked });
    if (ended) return ended;
    if (!isAsked) return drive((context) => takeOut({ ...context, rules: patientRules }, { by, reason }));
    await Bun.sleep(pauseMs);
    signal.throwIfAborted();
  }
}

/** Waits for the end of a rollout that another command drives, whatever becomes of it. */
export async function awaitOther(options: AwaitOtherOptions): Promise<Outcome> {
  const other = new Other(options);
  for (;;) {
    const ended = await other.look({ isDriven: true });
    if (ended) return ended;
    await Bun.sleep(pauseMs);
    options.signal.throwIfAborted();
  }
}

/** A rollout that another command drives, as it is stored. */
class Other {
  readonly #options: AwaitOtherOptions;
  #isJudged = false;

  constructor(options: AwaitOtherOptions) {
    this.#options = options;
  }

  /** How it ended; undefined: it has not. */
  async look({ isDriven }: { readonly isDriven: boolean }): Promise<Outcome | undefined> {
    const { store, rollout, emit, signal } = this.#options;
    const state = await store.readState(signal);
    if (state?.desired.rollout?.id !== rollout.id) {
      const records = state ? await store.latestRecords(state, signal) : [];
      const record = records.findLast(({ id }) => id === rollout.id);
      if (!record) return { kind: 'unchanged' };
      if (!this.#isJudged) emit({ kind: 'judged', judgement: record.verdict });
      return { kind: 'ended', record };
    }
    const { judged } = state.desired.rollout;
    if (isDriven && judged && !this.#isJudged) {
      this.#isJudged = true;
      emit({ kind: 'judged', judgement: judged });
    }
    return undefined;
  }
}
