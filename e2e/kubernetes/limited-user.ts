import type { ClusterAccess } from '../../src/kubernetes/api/access.ts';
import { allRights, type Right } from '../../src/kubernetes/rights/rights.ts';
import { roleOf } from '../../src/kubernetes/rights/role.ts';
import { accessTo } from '../cluster/access.ts';
import type { Cluster } from '../cluster/cluster.ts';

/** A user whose rights end at one namespace: there those of docs/kubernetes-rights.md, or the ones given. */
export async function makeLimitedUser(
  cluster: Cluster,
  namespace: string,
  rights: readonly Right[] = allRights(),
): Promise<ClusterAccess> {
  const name = 'limited-user';
  const group = 'rbac.authorization.k8s.io';
  const metadata = { name, namespace };
  await cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, roleOf(rights, metadata), {
    apiVersion: `${group}/v1`,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: group, kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  });
  const token = (await cluster.kubectl('--namespace', namespace, 'create', 'token', name)).trim();
  const { tls, ...access } = accessTo(cluster);
  return {
    ...access,
    tls: tls.ca === undefined ? {} : { ca: tls.ca },
    headers: async () => ({ authorization: `Bearer ${token}` }),
  };
}
