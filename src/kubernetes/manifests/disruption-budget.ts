import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { Running } from '../../core/rollout.ts';
import { labels, metadataOf, namesOf, type Place, releaseLabel, selectorOf } from './names.ts';

export interface DisruptionBudgetOptions {
  readonly place: Place;
  readonly stable: Running;
}

/**
 * Lets one replica of the stable release be evicted at a time. Of both releases together it would let as many go as the
 * candidate has.
 */
export function disruptionBudgetOf({ place, stable: { release, secretSet } }: DisruptionBudgetOptions) {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(place, 'service', namesOf(place).service),
    spec: {
      maxUnavailable: 1,
      // What is not ready serves nobody, and must not keep a node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: {
        matchLabels: {
          ...selectorOf(place),
          [labels.release]: releaseLabel(release.id),
          ...(secretSet === undefined ? {} : { [labels.secretSet]: secretSet }),
        },
      },
    },
  } satisfies IPodDisruptionBudget;
}
