import { readFileSync } from 'node:fs';
import type { ClusterAccess } from '../../src/kubernetes/api/access.ts';
import type { Cluster } from './cluster.ts';

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/** Access to the test cluster as its administrator, by the certificate in its kubeconfig. */
export function accessTo({
  kubeconfig,
  context,
  api,
}: Pick<Cluster, 'kubeconfig' | 'context' | 'api'>): ClusterAccess {
  const { clusters, users } = Bun.YAML.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const { cluster } = clusters[0] ?? { cluster: {} };
  const { user } = users[0] ?? { user: {} };
  const pem = (fields: Readonly<Record<string, string>>, name: string) => {
    const data = fields[`${name}-data`];
    const file = fields[name];
    return data ? Buffer.from(data, 'base64').toString() : file ? readFileSync(file, 'utf8') : '';
  };
  const tls = {
    ca: pem(cluster, 'certificate-authority'),
    cert: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
  };
  return { context, server: api, tls, headers: async () => ({}) };
}
