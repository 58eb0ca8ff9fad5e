import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1';
import { UserError } from '../../core/errors.ts';
import type { Lock } from '../../core/target.ts';
import type { Api, JsonPatch } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { giveUpAnnotation, holderOf } from './lease-holder.ts';

export interface HeldLeaseOptions {
  readonly api: Api;
  readonly place: Place;
  readonly identity: string;
  readonly lease: ILease;
  readonly trace: (line: string) => void;
  readonly renewMs: number;
}

/** How long one renewal may take, and giving it back. */
const patienceMs = 5_000;

/**
 * The lock of an environment, renewed from its making on. An API server that is away costs nothing: what nobody took
 * meanwhile is still ours.
 */
export class HeldLease implements Lock {
  readonly token: number;
  readonly identity: string;
  readonly #options: HeldLeaseOptions;
  readonly #giveUp = new AbortController();
  readonly #lost = new AbortController();
  readonly #released = new AbortController();
  #timer: Timer | undefined;

  constructor(options: HeldLeaseOptions) {
    this.#options = options;
    this.identity = options.identity;
    this.token = options.lease.spec?.leaseTransitions ?? 0;
    this.#renewLater();
  }

  /** Aborts with a reason when somebody asks that the rollout be taken out. */
  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  /** Aborts with `lock_lost` when another has taken it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Renews it at once: what is written after it was written by its holder. Throws `lock_lost`. */
  async check(signal: AbortSignal): Promise<void> {
    this.lost.throwIfAborted();
    this.#released.signal.throwIfAborted();
    const { api, place, identity } = this.#options;
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const patch: JsonPatch = [
      { op: 'test', path: '/spec/holderIdentity', value: identity },
      { op: 'add', path: '/spec/renewTime', value: renewTime },
    ];
    try {
      this.#read(await api.patch(kinds.lease, namesOf(place).state, patch, { signal }));
    } catch (error) {
      const isChanged = error instanceof ApiRefusal && [404, 409, 422].includes(error.status);
      if (!isChanged) throw error;
      await this.#refuseOther(signal, error);
    }
  }

  async release(): Promise<void> {
    if (this.#released.signal.aborted) return;
    this.#released.abort();
    clearTimeout(this.#timer);
    if (this.lost.aborted) return;
    const { api, place, identity } = this.#options;
    const patch: JsonPatch = [
      { op: 'test', path: '/spec/holderIdentity', value: identity },
      { op: 'remove', path: '/spec/holderIdentity' },
    ];
    const signal = AbortSignal.timeout(patienceMs);
    await api.patch(kinds.lease, namesOf(place).state, patch, { signal }).catch((error: unknown) => {
      // It is another's, or gone with its environment.
      if (!(error instanceof ApiRefusal)) throw error;
    });
  }

  #renewLater(): void {
    this.#timer = setTimeout(() => this.#renew(), this.#options.renewMs);
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    const signal = AbortSignal.any([this.#released.signal, AbortSignal.timeout(patienceMs)]);
    await this.check(signal).catch((error: unknown) => {
      if (!this.#released.signal.aborted) this.#options.trace(`the lock could not be renewed: ${error}`);
    });
    if (!this.#released.signal.aborted && !this.lost.aborted) this.#renewLater();
  }

  /** A refusal of the patch alone does not say why. */
  async #refuseOther(signal: AbortSignal, cause: unknown): Promise<void> {
    const { api, place, identity } = this.#options;
    const found = await api.get(kinds.lease, namesOf(place).state, signal);
    const holder = found && holderOf(found);
    if (found && holder?.identity === identity) return this.#read(found);
    const { environment } = place;
    const who = holder ? `${holder.purpose} by ${holder.by} took it` : 'it was taken away';
    const lost = new UserError({
      code: 'lock_lost',
      message: `the lock of ${environment} is no longer held: ${who}`,
      hint: `causeway status ${environment}`,
      cause,
    });
    this.#lost.abort(lost);
    throw lost;
  }

  #read({ metadata }: ILease): void {
    const reason = metadata?.annotations?.[giveUpAnnotation];
    if (reason !== undefined && !this.giveUp.aborted) this.#giveUp.abort(reason);
  }
}
