import type { KubernetesConfig } from '../core/config.ts';
import type { Desired } from '../core/rollout.ts';
import type { Exposure } from './reach.ts';

/** How the load balancer that a cloud brings reaches the service. */
export interface CloudExposure extends Exposure {
  readonly kind: 'cloud';
  readonly url: string;
}

/** What an environment in a cluster is made by: the config's, or what a cloud and its config come to. */
export interface ClusterConfig extends Omit<KubernetesConfig, 'target' | 'context' | 'exposure'> {
  readonly exposure: KubernetesConfig['exposure'] | CloudExposure;
}

/** How many replicas its releases get. */
export function replicasOf({
  replicas,
  autoscale,
}: Pick<ClusterConfig, 'replicas' | 'autoscale'>): Desired['replicas'] {
  return autoscale ? 'autoscaled' : replicas;
}
