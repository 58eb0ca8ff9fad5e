import type { IService } from 'kubernetes-models/v1';
import { UnreachableError } from '../../core/errors.ts';
import type { Desired } from '../../core/rollout.ts';
import type { Api } from '../api/api.ts';
import { type KubernetesObject, kindOf, kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import { environmentObjects } from '../manifests/environment-objects.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { orRefusal } from '../preflight/cluster-parts.ts';
import type { ConvergeOptions, Converger } from './converge.ts';

export interface UpkeepOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly converger: Pick<Converger, 'mendAdmitted'>;
  readonly trace: (line: string) => void;
}

const everyMs = 1_000;

/**
 * What replicas and their users need beside the Deployment, and somebody may take away in the midst of a rollout: without
 * it good replicas are refused, or nobody reaches them, and the release would be blamed.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #found = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #clusterIp: string | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** What was found missing, in order. */
  get disturbances(): readonly string[] {
    return [...this.#found];
  }

  add(what: string): void {
    this.#found.add(what);
  }

  /** Looks where it is time to, and puts right what it may. Nothing waits for it. */
  look(desired: Desired, options: ConvergeOptions): void {
    if (this.#isLooking || performance.now() - this.#lookedAt < everyMs) return;
    this.#isLooking = true;
    void this.#lookNow(desired, options).finally(() => {
      this.#lookedAt = performance.now();
      this.#isLooking = false;
    });
  }

  async #lookNow(desired: Desired, options: ConvergeOptions): Promise<void> {
    const { place, config, trace } = this.#options;
    const leaned = environmentObjects({ place, config }).filter(
      ({ kind }) => kind === kinds.service.kind || kind === kinds.serviceAccount.kind,
    );
    const looks = [...leaned.map((object) => this.#mend(object, options)), this.#mendList(desired, options)];
    for (const look of await Promise.allSettled(looks)) {
      if (look.status === 'fulfilled' || look.reason instanceof UnreachableError || options.signal.aborted)
        continue;
      trace(`what the rollout leans on could not be looked at: ${look.reason}`);
    }
  }

  async #mend(wanted: KubernetesObject, { lease, signal }: ConvergeOptions): Promise<void> {
    const { api } = this.#options;
    const name = wanted.metadata?.name ?? '';
    const found = await orRefusal(() => api.get(kindOf(wanted), name, signal));
    if (found instanceof ApiRefusal) return;
    if (found) {
      if (found.kind === kinds.service.kind) this.#clusterIp = (found as IService).spec?.clusterIP;
      return;
    }
    await lease.check(signal);
    const made = await orRefusal(() => this.#create(wanted, signal));
    const isBack = !(made instanceof ApiRefusal) || made.reason === 'AlreadyExists';
    this.#tell(wanted, isBack);
  }

  /** A Service at the address that it had: who knows it by that finds it again. */
  async #create(wanted: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject> {
    const { api } = this.#options;
    if (wanted.kind !== kinds.service.kind || this.#clusterIp === undefined)
      return api.create(wanted, { signal });
    const service = wanted as IService;
    const before = { ...service, spec: { ...service.spec, clusterIP: this.#clusterIp } };
    const made = await orRefusal(() => api.create(before, { signal }));
    if (!(made instanceof ApiRefusal)) return made;
    if (made.status !== 422) throw made;
    return api.create(wanted, { signal });
  }

  async #mendList(desired: Desired, options: ConvergeOptions): Promise<void> {
    const { place, converger } = this.#options;
    if (!(await converger.mendAdmitted(desired, options))) return;
    this.#found.add(
      `ConfigMap ${namesOf(place).admitted}, the images that may run, was changed and put back`,
    );
  }

  #tell({ kind, metadata }: KubernetesObject, isBack: boolean): void {
    const { environment } = this.#options.place;
    this.#found.add(
      `${kind} ${metadata?.name} was deleted${isBack ? ' and put back' : `; who may runs causeway up ${environment}`}`,
    );
  }
}
