import type { ClusterConfig } from './cluster-config.ts';

/** `2 replicas of 100m CPU and 256Mi, in your cluster; twice that in a rollout`. */
export function describeCosts({
  replicas,
  autoscale,
  resources,
}: Pick<ClusterConfig, 'replicas' | 'autoscale' | 'resources'>): string {
  const count = autoscale
    ? `${autoscale.min} to ${autoscale.max} replicas`
    : `${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`;
  return `${count} of ${resources.cpu} CPU and ${resources.memory}, in your cluster; twice that in a rollout`;
}
