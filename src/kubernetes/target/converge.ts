import { UserError } from '../../core/errors.ts';
import { shortId } from '../../core/release.ts';
import { type Desired, givesWay, type Running, runningKey } from '../../core/rollout.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import { admittedOf } from '../manifests/admission.ts';
import { deploymentOf } from '../manifests/deployment.ts';
import { disruptionBudgetOf } from '../manifests/disruption-budget.ts';
import { chosenBy } from '../manifests/gate.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { templateOf } from '../manifests/pod-template.ts';
import { orRefusal } from '../preflight/cluster-parts.ts';
import type { Store } from '../store/store.ts';
import type { StoredRelease } from '../store/stored-release.ts';
import type { HeldLease } from './held-lease.ts';
import { writeDeployment } from './write-deployment.ts';

export interface ConvergerOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: Pick<ClusterConfig, 'replicas' | 'autoscale' | 'exposure'>;
  readonly store: Pick<Store, 'readRelease' | 'keepRelease'>;
}

export interface ConvergeOptions {
  readonly lease: HeldLease;
  /** By digest; it may run as well. */
  readonly agentImage: string | undefined;
  readonly signal: AbortSignal;
}

interface Written {
  readonly uid: string;
  readonly generation: number;
}

/** Makes the cluster's objects what is desired, in an order in which no moment between two writes does harm. */
export class Converger {
  readonly #options: ConvergerOptions;
  readonly #stored = new Map<string, StoredRelease>();
  #admitted = '';
  #protected = '';
  #gated = '';
  #written: Written | undefined;

  constructor(options: ConvergerOptions) {
    this.#options = options;
  }

  /** The Deployment as it was written last; undefined: it was not written yet, or there shall be none. */
  get written(): Written | undefined {
    return this.#written;
  }

  /** The images that releases were stored with, by the releases' ids, as far as they were needed. */
  get images(): ReadonlyMap<string, string> {
    return new Map([...this.#stored].map(([id, { image }]) => [id, image]));
  }

  /** Idempotent. */
  async converge(desired: Desired, options: ConvergeOptions): Promise<void> {
    const { api, place, config } = this.#options;
    const { signal, lease } = options;
    await this.#admit(desired, options);
    await this.#protect(desired, options);
    const wanted = await this.#deployment(desired, signal);
    await this.#expectGate(desired, wanted, signal);
    const deployment = await writeDeployment({
      api,
      place,
      wanted,
      firstReplicas: config.autoscale?.min ?? config.replicas,
      check: () => lease.check(signal),
      signal,
    });
    const { uid = '', generation = 0 } = deployment?.metadata ?? {};
    this.#written = deployment && { uid, generation };
  }

  /** Before pods of them can come. */
  async #admit(desired: Desired, { agentImage, signal }: ConvergeOptions): Promise<void> {
    const { api, place } = this.#options;
    const images = new Set(agentImage === undefined ? [] : [agentImage]);
    for (const running of runningOf(desired)) {
      const stored = await this.#read(running, signal);
      if (stored) images.add(stored.image);
    }
    const admitted = [...images].sort().join(' ');
    if (admitted === this.#admitted) return;
    await api.apply(admittedOf(place, admitted.split(' ').filter(Boolean)), { signal });
    this.#admitted = admitted;
  }

  /** Where somebody else took from the digests that may run; true: they are let in again. */
  async mendAdmitted(desired: Desired, options: ConvergeOptions): Promise<boolean> {
    const { api, place } = this.#options;
    if (this.#admitted === '') return false;
    const found = await api.get(kinds.configMap, namesOf(place).admitted, options.signal);
    const wanted = this.#admitted.split(' ').map((image) => image.slice(-64));
    if (wanted.every((key) => found?.data?.[key] !== undefined)) return false;
    await options.lease.check(options.signal);
    this.#admitted = '';
    await this.#admit(desired, options);
    return true;
  }

  /** While stable replicas give way, from before the first of them goes. */
  async #protect(desired: Desired, { signal }: ConvergeOptions): Promise<void> {
    const { api, place } = this.#options;
    const { stable } = desired;
    if (!stable) return;
    const budget = { place, stable, givesWay: givesWay(desired) };
    const protects = budget.givesWay ? 'both' : runningKey(stable);
    if (this.#protected === protects) return;
    await api.apply(disruptionBudgetOf(budget), { signal });
    this.#protected = protects;
  }

  /** Before the first pod of a candidate: one that does not wait for the load balancer would take a place too early. */
  async #expectGate(
    { candidate }: Desired,
    wanted: ReturnType<typeof deploymentOf> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { api, place, config } = this.#options;
    if (config.exposure.kind !== 'cloud' || !candidate || !wanted) return;
    const key = runningKey(candidate);
    if (this.#gated === key) return;
    const { expectGate } = await import('./expect-gate.ts');
    await expectGate({ api, place, exposure: config.exposure, template: wanted.spec.template, signal });
    this.#gated = key;
  }

  async #deployment(desired: Desired, signal: AbortSignal) {
    const { place } = this.#options;
    const chosen = chosenBy(desired);
    if (!chosen) return undefined;
    const { running, gate } = chosen;
    const { replicas, surge } = desired;
    const stored = await this.#read(running, signal);
    if (!stored) throw goneError(place, running);
    return deploymentOf({
      place,
      template: templateOf(stored, running.secretSet),
      replicas: replicas === 'autoscaled' ? undefined : replicas,
      gate,
      surge,
    });
  }

  async #read(running: Running, signal: AbortSignal): Promise<StoredRelease | undefined> {
    const { id } = running.release;
    const { store } = this.#options;
    const known =
      this.#stored.get(id) ?? (await store.readRelease(id, signal)) ?? (await this.#recover(running, signal));
    if (known) this.#stored.set(id, known);
    return known;
  }

  /** Of what runs, and of which somebody deleted the stored copy; it is stored once more. */
  async #recover(running: Running, signal: AbortSignal): Promise<StoredRelease | undefined> {
    const { api, place, store } = this.#options;
    const { recoverRelease } = await import('./recover-release.ts');
    const recovered = await recoverRelease({ api, place, running, signal });
    if (!recovered) return undefined;
    const kept = await orRefusal(() => store.keepRelease(running.release.id, recovered, signal));
    // The agent may not.
    if (kept instanceof ApiRefusal && kept.status !== 403) throw kept;
    return recovered;
  }
}

function runningOf({ stable, candidate }: Desired): readonly Running[] {
  return [stable, candidate].filter((running) => running !== undefined);
}

function goneError({ environment, namespace }: Place, { release }: Running): UserError {
  return new UserError({
    code: 'state_corrupt',
    message: `the manifest of release ${shortId(release.id)} is gone from namespace ${namespace}`,
    hint: `causeway releases ${environment} lists those that are kept; causeway up ${environment} rolls out the working tree`,
  });
}
