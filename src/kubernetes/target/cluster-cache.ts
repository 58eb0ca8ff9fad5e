import type { IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IEvent, IPod } from 'kubernetes-models/v1';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { namesOf, type Place, selectorOf } from '../manifests/names.ts';
import { KindCache } from './kind-cache.ts';
import type { ClusterView } from './pods.ts';

export interface ClusterCacheOptions {
  readonly api: Api;
  readonly place: Place;
  readonly onChange: () => void;
}

/** The Deployment of an environment with all that comes of it, as the API tells it. */
export class ClusterCache {
  readonly #deployments: KindCache<IDeployment>;
  readonly #replicaSets: KindCache<IReplicaSet>;
  readonly #pods: KindCache<IPod>;
  readonly #events: KindCache<IEvent>;

  constructor({ api, place, onChange }: ClusterCacheOptions) {
    const about = { api, onChange };
    const labels = selectorOf(place);
    const name = `metadata.name=${namesOf(place).service}`;
    this.#deployments = new KindCache({ ...about, kind: kinds.deployment, selector: { fields: name } });
    this.#replicaSets = new KindCache({ ...about, kind: kinds.replicaSet, selector: { labels } });
    this.#pods = new KindCache({ ...about, kind: kinds.pod, selector: { labels } });
    this.#events = new KindCache({
      ...about,
      kind: kinds.event,
      selector: { fields: 'involvedObject.kind=Pod' },
      isOptional: true,
    });
  }

  get #caches(): readonly KindCache<IDeployment | IReplicaSet | IPod | IEvent>[] {
    return [this.#deployments, this.#replicaSets, this.#pods, this.#events];
  }

  /** All of it was listed since the last start. */
  get isWhole(): boolean {
    return this.#caches.every(({ isListed }) => isListed);
  }

  /** Throws what keeps it from being watched, such as a missing right. */
  get view(): ClusterView {
    return {
      deployment: this.#deployments.all[0],
      replicaSets: this.#replicaSets.all,
      pods: this.#pods.all,
      events: this.#events.all,
    };
  }

  start(): void {
    for (const cache of this.#caches) cache.start();
  }

  stop(): void {
    for (const cache of this.#caches) cache.stop();
  }
}
