import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { Desired, Running } from '../../core/rollout.ts';
import { runningKey } from '../../core/rollout.ts';
import { labels, releaseLabel } from '../manifests/names.ts';
import { type ClusterView, isOwnedBy } from './pods.ts';

/**
 * Sees to it that the ReplicaSet which serves again after taking back is the one that served before: were another chosen,
 * all stable replicas would be started anew.
 */
export class StableWatch {
  readonly #trace: (line: string) => void;
  #key: string | undefined;
  #served: string | undefined;
  #told: string | undefined;

  constructor(trace: (line: string) => void) {
    this.#trace = trace;
  }

  /** Tells of another, once. */
  see({ stable, rollout }: Desired, { deployment, replicaSets }: ClusterView): void {
    const key = stable && runningKey(stable);
    if (!stable || key !== this.#key) this.#served = undefined;
    this.#key = key;
    if (!stable || !rollout) return;
    const own = replicaSets.filter((set) => isOwnedBy(set, deployment) && isOf(set, stable));
    const wanted = own.filter(({ spec }) => (spec?.replicas ?? 0) > 0);
    this.#served ??= wanted.toSorted(byReady)[0]?.metadata?.uid;
    const other = wanted.find(({ metadata }) => metadata?.uid !== this.#served);
    if (!other || other.metadata?.uid === this.#told) return;
    this.#told = other.metadata?.uid;
    this.#trace(
      `warning: ${other.metadata?.name} takes the place of the ReplicaSet that served: stable replicas are started anew`,
    );
  }
}

function isOf({ metadata }: IReplicaSet, { release, secretSet }: Running): boolean {
  const own = metadata?.labels ?? {};
  return own[labels.release] === releaseLabel(release.id) && own[labels.secretSet] === secretSet;
}

function byReady(a: IReplicaSet, b: IReplicaSet): number {
  return (b.status?.readyReplicas ?? 0) - (a.status?.readyReplicas ?? 0);
}
