import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { Running } from '../../core/rollout.ts';
import { labels, metadataOf, namesOf, type Place, releaseLabel, selectorOf } from './names.ts';

export interface DisruptionBudgetOptions {
  readonly place: Place;
  readonly stable: Running;
  /** Stable replicas give way in a rollout. Default: they stay. */
  readonly givesWay?: boolean;
}

/**
 * Lets one replica of the stable release be evicted at a time. Of both releases together it would let as many go as the
 * candidate has. Where stable replicas give way it is both that serve: then none goes but one that is more than there
 * shall be, for the rollout itself takes the one that may be missing.
 */
export function disruptionBudgetOf({ place, stable, givesWay = false }: DisruptionBudgetOptions) {
  const { release, secretSet } = stable;
  const ofStable = {
    [labels.release]: releaseLabel(release.id),
    ...(secretSet === undefined ? {} : { [labels.secretSet]: secretSet }),
  };
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(place, 'service', namesOf(place).service),
    spec: {
      maxUnavailable: givesWay ? 0 : 1,
      // What is not ready serves nobody, and must not keep a node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: { ...selectorOf(place), ...(givesWay ? {} : ofStable) } },
    },
  } satisfies IPodDisruptionBudget;
}
