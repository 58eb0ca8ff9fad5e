import { UnreachableError, UserError } from '../../core/errors.ts';
import { redactEvidence } from '../../core/redact.ts';
import { type Release, shortId } from '../../core/release.ts';
import type { Desired, Running } from '../../core/rollout.ts';
import type { Exit, Finding, Holder, Lock, Observation, OneOff, Target } from '../../core/target.ts';
import type { Evidence } from '../../core/verdict.ts';
import { wordsOf } from '../../core/words-of.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { orRefusal } from '../preflight/cluster-parts.ts';
import type { StoredState } from '../store/store.ts';
import { type ConvergeOptions, Converger } from './converge.ts';
import type { HeldLease } from './held-lease.ts';
import { takeLease } from './lease.ts';
import { Observer } from './observer.ts';
import type { TargetOptions, TargetParts } from './open-target.ts';
import { Upkeep } from './upkeep.ts';

/** How long evidence may take to be had. */
const evidenceMs = 10_000;
const mostTries = 10;

/** Releases are pods of one Deployment, desired state is a ConfigMap, and the lock is a Lease. */
export class KubernetesTarget implements Target {
  readonly history: Target['history'];
  readonly #options: TargetOptions & { readonly parts: TargetParts };
  readonly #closed = new AbortController();
  readonly #giveUp = new AbortController();
  readonly #converger: Converger;
  readonly #upkeep: Upkeep;
  readonly #observer: Observer;
  #held: HeldLease | undefined;
  /** What shall be, as it was found when the lock was taken, or stored since. */
  #stored: Desired | undefined;
  /** What is in the cluster was made what is desired since the lock was taken. */
  #isConverged = false;
  /** A rollout came to its end since then. */
  #hasEnded = false;

  constructor(options: TargetOptions & { readonly parts: TargetParts }) {
    this.#options = options;
    this.history = options.store.history;
    this.#converger = new Converger(options);
    this.#upkeep = new Upkeep({ ...options, converger: this.#converger });
    this.#observer = new Observer({ ...options, converger: this.#converger });
  }

  /** Aborts, with a reason, when another command asks that the rollout be taken out. */
  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  preflight(desired: Desired, signal: AbortSignal): Promise<readonly Finding[]> {
    return this.#options.parts.findProblems({ ...this.#options, desired, signal });
  }

  /**
   * Replicas are made from what is stored, which is stored with where its image is pulled from. Under the lock, so that
   * what another command tidied away meanwhile, or somebody deleted, is put back.
   */
  async publish({ id }: Release, signal: AbortSignal): Promise<void> {
    const { store, rendered } = this.#options;
    const otherwise = rendered?.release.id === id ? rendered : undefined;
    if (!(await store.keepRelease(id, otherwise, signal)))
      throw new Error(`release ${shortId(id)} was not stored before its rollout`);
  }

  async lock(holder: Holder, signal: AbortSignal): Promise<Lock> {
    const { api, place, trace } = this.#options;
    const held = await takeLease({ api, place, holder, signal, trace });
    try {
      await this.#fence(held, signal);
    } catch (error) {
      await held.release().catch(() => undefined);
      throw error;
    }
    this.#held = held;
    this.#isConverged = false;
    this.#hasEnded = false;
    const giveUp = () => this.#giveUp.abort(held.giveUp.reason);
    if (held.giveUp.aborted) giveUp();
    else held.giveUp.addEventListener('abort', giveUp, { once: true });
    return {
      token: held.token,
      release: async () => {
        if (this.#held === held) {
          await this.#tidy(held, signal);
          this.#held = undefined;
        }
        await held.release();
      },
    };
  }

  async set(desired: Desired, { token }: Lock): Promise<void> {
    const held = this.#expectHeld(token);
    const signal = this.#signalOf(held);
    await held.check(signal);
    if (this.#observer.state?.desired.rollout && !desired.rollout) this.#hasEnded = true;
    this.#observer.take(await this.#store(desired, held, signal));
    this.#stored = desired;
    await this.#converge(desired, held);
    if (!desired.rollout) await this.#observer.stopAgent(signal);
  }

  async *observe(signal: AbortSignal): AsyncGenerator<Observation> {
    this.#observer.start();
    while (!signal.aborted && !this.#closed.signal.aborted) {
      this.#held?.lost.throwIfAborted();
      const seen = await this.#look();
      if (seen?.kind === 'seen') await this.#repair(seen.desired);
      if (seen) yield this.#withDisturbances(seen);
      await this.#observer.changed(signal);
    }
  }

  async run(what: OneOff, signal: AbortSignal): Promise<Exit> {
    const exit = await this.#options.parts.runCommandJob({ ...this.#options, what, signal });
    if (exit.kind !== 'failed') return exit;
    return { ...exit, evidence: await this.#redact(exit.evidence, what.running, signal) };
  }

  async evidence(running: Running, signal: AbortSignal): Promise<Evidence> {
    // The candidate goes on getting requests meanwhile.
    const soon = AbortSignal.any([signal, AbortSignal.timeout(evidenceMs)]);
    const errorsOf = (pod: string) => this.#observer.errorsOf(pod);
    const options = { ...this.#options, running, errorsOf, signal: soon };
    const evidence = await this.#options.parts.findEvidence(options);
    return this.#redact(evidence, running, soon);
  }

  /** Without the values of its secrets, which it may print as it crashes; who may not read those keeps nothing it printed. */
  async #redact(evidence: Evidence, { secretSet }: Running, signal: AbortSignal): Promise<Evidence> {
    if (secretSet === undefined) return evidence;
    const secrets = await orRefusal(() => this.#options.store.readSecrets(secretSet, signal));
    if (secrets instanceof ApiRefusal) return { ...evidence, lines: [] };
    return redactEvidence(evidence, Object.values(secrets ?? {}));
  }

  /** Ends all watching, and leaves a rollout that is under way as it is. */
  close(): void {
    this.#closed.abort(new Error('the target is closed'));
    this.#observer.close();
  }

  /** A late write of whoever had the lock before is refused from now on: it is over what is there no more. */
  async #fence(held: HeldLease, signal: AbortSignal): Promise<void> {
    const { store, place, isMade = false } = this.#options;
    const state = await store.readState(signal);
    if (!state && isMade) {
      throw new UserError({
        code: 'environment_missing',
        message: `${place.environment} was taken away meanwhile`,
        hint: `causeway up ${place.environment} makes it anew`,
      });
    }
    this.#stored = state?.desired;
    if (state) this.#observer.take(await this.#store(undefined, held, signal));
  }

  /** Without a desired state it is left as it is. */
  async #store(desired: Desired | undefined, held: HeldLease, signal: AbortSignal): Promise<StoredState> {
    const { store, agentImage, place } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const found =
        tries === 1 && desired ? this.#observer.state : await this.#readState(desired, held, signal);
      if (tries > 1) await held.check(signal);
      const next = desired ?? found?.desired;
      if (!next) throw new Error(`${place.environment} has no state any more`);
      const image = agentImage ?? found?.agentImage;
      try {
        const { resourceVersion } = found ?? {};
        return await store.writeState(
          {
            desired: next,
            token: held.token,
            ...(image === undefined ? {} : { agentImage: image }),
            ...(resourceVersion === undefined ? {} : { resourceVersion }),
          },
          signal,
        );
      } catch (error) {
        const isRaced = error instanceof ApiRefusal && [404, 409].includes(error.status);
        if (!isRaced || tries >= mostTries) throw error;
      }
    }
  }

  /** One that somebody broke is none to who knows what shall be. */
  async #readState(
    desired: Desired | undefined,
    held: HeldLease,
    signal: AbortSignal,
  ): Promise<StoredState | undefined> {
    try {
      return await this.#options.store.readState(signal);
    } catch (error) {
      if (!desired || !isBroken(error)) throw error;
      await this.#restore(desired, held);
      return this.#observer.state;
    }
  }

  async #converge(desired: Desired, held: HeldLease): Promise<void> {
    const options = this.#convergeOptions(held);
    const { signal } = options;
    this.#isConverged = false;
    await this.#converger.converge(desired, options);
    this.#isConverged = true;
    if (desired.rollout) this.#observer.startAgent(desired, signal);
  }

  /** What shall be is known to who drives the rollout: that somebody deletes or breaks what is stored does not end it. */
  async #look(): Promise<Observation | undefined> {
    const stored = this.#stored;
    const held = this.#held;
    const mayRestore = held !== undefined && stored?.rollout !== undefined;
    try {
      const seen = this.#observer.look();
      const isGone = seen?.kind === 'seen' && this.#observer.state === undefined;
      if (!mayRestore || !isGone) return seen;
    } catch (error) {
      if (!mayRestore || !isBroken(error)) throw error;
    }
    await this.#restore(stored, held);
    return this.#observer.look();
  }

  async #restore(desired: Desired, held: HeldLease): Promise<void> {
    const { store, agentImage = this.#observer.state?.agentImage, place } = this.#options;
    const signal = this.#signalOf(held);
    await held.check(signal);
    const image = agentImage === undefined ? {} : { agentImage };
    this.#observer.take(await store.restoreState({ desired, token: held.token, ...image }, signal));
    this.#upkeep.add(`the state of ${place.environment} was deleted or changed, and put back`);
  }

  #withDisturbances(seen: Observation): Observation {
    if (seen.kind !== 'seen') return seen;
    return { ...seen, disturbances: [...(seen.disturbances ?? []), ...this.#upkeep.disturbances] };
  }

  #convergeOptions(lease: HeldLease): ConvergeOptions {
    const { agentImage = this.#observer.state?.agentImage } = this.#options;
    return { lease, agentImage, signal: this.#signalOf(lease) };
  }

  /**
   * In a rollout others' changes of our Deployment do not stand, and what a command that died did not come to is done.
   * What cannot be done is tried again with the next look.
   */
  async #repair(desired: Desired): Promise<void> {
    const held = this.#held;
    if (!held || !desired.rollout) return;
    if (this.#isConverged) this.#upkeep.look(desired, this.#convergeOptions(held));
    if (this.#isConverged && !this.#observer.isChangedByOthers) return;
    if (this.#isConverged) this.#options.trace('the Deployment was changed by another: putting it right');
    await this.#converge(desired, held).catch((error: unknown) => {
      if (!(error instanceof UnreachableError)) throw error;
    });
  }

  /** While the lock is held, so that nothing goes that the rollout of another command has begun to need. */
  async #tidy(held: HeldLease, signal: AbortSignal): Promise<void> {
    const { store, trace } = this.#options;
    const { state } = this.#observer;
    if (!this.#hasEnded || !state || held.lost.aborted) return;
    try {
      await store.tidy(state.desired, AbortSignal.any([signal, this.#signalOf(held)]));
    } catch (error) {
      trace(`could not tidy up: ${wordsOf(error)}`);
    }
  }

  #expectHeld(token: number): HeldLease {
    const held = this.#held;
    if (held?.token === token) return held;
    throw new UserError({
      code: 'lock_lost',
      message: `the lock of ${this.#options.place.environment} is no longer held`,
      hint: `causeway status ${this.#options.place.environment}`,
    });
  }

  #signalOf({ lost }: HeldLease): AbortSignal {
    return AbortSignal.any([this.#closed.signal, lost]);
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof UserError && error.code === 'state_corrupt';
}
