import type { Emit } from '../core/event.ts';
import { patientRules } from '../core/return-to.ts';
import { type Outcome, type RolloutContext, takeOut } from '../core/roll-out.ts';
import type { Rollout } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import type { Place } from './manifests/names.ts';
import type { Store } from './store/store.ts';
import { askToGiveUp, isHeld } from './target/lease.ts';

export interface OtherOptions {
  readonly api: Api;
  readonly place: Place;
  readonly store: Store;
  /** The one that was found. */
  readonly rollout: Rollout;
  /** Told what the other command decides. */
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

type Drive = (work: (context: RolloutContext) => Promise<Outcome>) => Promise<Outcome>;

const pauseMs = 300;

/**
 * Ends a rollout that another command began: asks the one that drives it to take it out, and waits; where nobody drives
 * it any more, takes it out itself.
 */
export async function endOther(
  { by, ...options }: OtherOptions & { readonly by: string },
  drive: Drive,
): Promise<Outcome> {
  const { api, place, signal } = options;
  const reason = `taken out by ${by}`;
  const ended = await follow(options, () => askToGiveUp({ api, place, reason, signal }));
  return ended ?? drive((context) => takeOut({ ...context, rules: patientRules }, { by, reason }));
}

/** Waits for the end of a rollout that another command drives; undefined: nobody drives it any more, and it has not ended. */
export function awaitOther(options: OtherOptions): Promise<Outcome | undefined> {
  return follow(options, () => isHeld(options));
}

async function follow(
  { store, rollout, emit, signal }: OtherOptions,
  isDriven: () => Promise<boolean>,
): Promise<Outcome | undefined> {
  let isJudged = false;
  for (;;) {
    const isGoingOn = await isDriven();
    const state = await store.readState(signal);
    if (state?.desired.rollout?.id !== rollout.id) {
      const records = state ? await store.latestRecords(state, signal) : [];
      const record = records.findLast(({ id }) => id === rollout.id);
      if (!record) return { kind: 'unchanged' };
      if (!isJudged) emit({ kind: 'judged', judgement: record.verdict });
      return { kind: 'ended', record };
    }
    if (!isGoingOn) return undefined;
    const { judged } = state.desired.rollout;
    if (judged && !isJudged) {
      isJudged = true;
      emit({ kind: 'judged', judgement: judged });
    }
    await Bun.sleep(pauseMs);
    signal.throwIfAborted();
  }
}
