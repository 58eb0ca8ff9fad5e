import { accessTo } from '../../cluster/access.ts';
import { type Cluster, openCluster } from '../../cluster/cluster.ts';
import type { Emulator } from '../emulator.ts';

/**
 * A real cluster that stands for every one of EKS in the emulator: whoever asks EKS for its address is given this one's,
 * its API server takes EKS' tokens, and its node pulls from ECR.
 */
export async function joinCluster(emulator: Emulator): Promise<Cluster> {
  const cluster = await openCluster({ isOwn: true, tokenWebhook: emulator.tokenReviewUrl });
  try {
    await emulator.putBehindClusters({ url: cluster.api, certificate: accessTo(cluster).tls.ca ?? '' });
    await cluster.apply(...Object.entries(rolesOfPolicies).map(binding));
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** EKS decides by its policies itself; here Kubernetes does, by roles of its own that come near to them. */
const rolesOfPolicies = {
  AmazonEKSClusterAdminPolicy: 'cluster-admin',
  AmazonEKSAdminPolicy: 'admin',
  AmazonEKSEditPolicy: 'edit',
  AmazonEKSViewPolicy: 'view',
} as const;

function binding([policy, role]: readonly [string, string]) {
  const group = `eks-access-policy:${policy}`;
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: group },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
  };
}
