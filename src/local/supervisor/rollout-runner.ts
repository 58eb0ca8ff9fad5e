import { UserError } from '../../core/errors.ts';
import type { RolloutEvent } from '../../core/event.ts';
import { type Outcome, type RolloutContext, takeOut } from '../../core/roll-out.ts';
import type { Rollout } from '../../core/rollout.ts';
import type { Rules } from '../../core/step.ts';
import { wordsOf } from '../../core/words-of.ts';
import type { LocalTarget } from './local-target.ts';

export type Listener = (event: RolloutEvent) => void;

export interface Asked {
  readonly kind: Rollout['kind'];
  /** `runningKey` of what it moves to, where that is known. */
  readonly key?: string;
  readonly by: string;
  readonly rules: Rules;
  readonly listen?: Listener;
}

interface Current extends Asked {
  readonly startedAt: number;
  readonly giveUp: AbortController;
  readonly events: RolloutEvent[];
  readonly listeners: Set<Listener>;
  readonly outcome: Promise<Outcome>;
}

/** Runs one rollout at a time; whoever asks for the same one listens in, anybody else is refused. */
export class RolloutRunner {
  readonly #environment: string;
  readonly #target: LocalTarget;
  readonly #stopped = new AbortController();
  #current: Current | undefined;

  constructor({ environment, target }: { readonly environment: string; readonly target: LocalTarget }) {
    this.#environment = environment;
    this.#target = target;
  }

  /** Throws `rollout_running` where another one is under way. */
  async run(asked: Asked, work: (context: RolloutContext) => Promise<Outcome>): Promise<Outcome> {
    this.refuseSecond();
    const giveUp = new AbortController();
    const events: RolloutEvent[] = [];
    const listeners = new Set<Listener>(asked.listen ? [asked.listen] : []);
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    promise.catch(() => undefined);
    this.#current = { ...asked, startedAt: Date.now(), giveUp, events, listeners, outcome: promise };
    const context: RolloutContext = {
      target: this.#target,
      rules: asked.rules,
      emit: (event) => {
        if (event.kind !== 'watching' && event.kind !== 'starting') events.push(event);
        for (const listener of listeners) listener(event);
      },
      now: Date.now,
      makeId: makeRolloutId,
      signal: this.#stopped.signal,
      giveUp: giveUp.signal,
    };
    await work(context)
      .catch(async (error: unknown) => {
        await this.#clearAfter(error, asked, context);
        throw error;
      })
      .then(resolve, reject);
    this.#current = undefined;
    return promise;
  }

  /** Listens to the rollout of this release that is under way, if it is. */
  join(key: string, listen: Listener): Promise<Outcome> | undefined {
    const current = this.#current;
    return current?.kind === 'deploy' && current.key === key ? follow(current, listen) : undefined;
  }

  /** Listens to the rollback to this release that is under way, if it is; without its id's start, to any. */
  joinRollback(to: string | undefined, listen: Listener): Promise<Outcome> | undefined {
    const current = this.#current;
    const isThatWay = current?.kind === 'rollback' && current.key?.startsWith(to ?? '');
    return isThatWay && !current.giveUp.signal.aborted ? follow(current, listen) : undefined;
  }

  /** Takes out what is under way, if anything is. */
  giveUp(reason: string, listen?: Listener): Promise<Outcome> | undefined {
    const current = this.#current;
    current?.giveUp.abort(reason);
    return current && follow(current, listen);
  }

  refuseSecond(): void {
    if (this.#stopped.signal.aborted) throw this.#stopped.signal.reason;
    if (!this.#current) return;
    const { kind, by, startedAt } = this.#current;
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    throw new UserError({
      code: 'rollout_running',
      message: `a ${kind} by ${by} is under way on ${this.#environment} for ${seconds} s`,
      hint: `causeway status ${this.#environment} --watch, or take it out: causeway rollback ${this.#environment}`,
    });
  }

  /** Runs nothing more. */
  async close(): Promise<void> {
    await this.giveUp('the environment was taken down')?.catch(() => undefined);
    this.#stopped.abort(leavingError(this.#environment));
  }

  /** A rollout that cannot go on, for want of disk say, must not leave its candidate unwatched under traffic. */
  async #clearAfter(error: unknown, { by }: Asked, context: RolloutContext): Promise<void> {
    if (!this.#target.desired.rollout) return;
    const reason = `it could not go on: ${wordsOf(error)}`;
    await takeOut(context, { by, reason }).catch(() => undefined);
  }
}

/** What is asked of an environment that goes away. */
export function leavingError(environment: string): UserError {
  return new UserError({
    code: 'environment_missing',
    message: `${environment} is being taken down`,
    hint: `causeway up ${environment}`,
  });
}

/** Tells what happened so far, then what happens, until the rollout ends. */
function follow({ events, listeners, outcome }: Current, listen: Listener | undefined): Promise<Outcome> {
  for (const event of events) listen?.(event);
  if (listen) listeners.add(listen);
  return outcome;
}

/** Sorts by time, and two of one millisecond are told apart. */
function makeRolloutId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 6)}`;
}
