import { writeFileSync } from 'node:fs';
import { accessTo } from '../cluster/access.ts';
import type { Cluster } from '../cluster/cluster.ts';

export interface KubeconfigChanges {
  readonly server?: string;
  /** Instead of the authority that signed the API server's certificate. */
  readonly ca?: string;
  /** Instead of the administrator's certificate. */
  readonly token?: string;
}

/** A kubeconfig with the cluster's one context, in which something is otherwise. */
export function writeKubeconfig(path: string, cluster: Cluster, changes: KubeconfigChanges): void {
  const { server, tls } = accessTo(cluster);
  const base64 = (text = '') => Buffer.from(text).toString('base64');
  const user =
    changes.token === undefined
      ? { 'client-certificate-data': base64(tls.cert), 'client-key-data': base64(tls.key) }
      : { token: changes.token };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'somebody-else',
    contexts: [{ name: cluster.context, context: { cluster: 'it', user: 'me' } }],
    clusters: [
      {
        name: 'it',
        cluster: {
          server: changes.server ?? server,
          'certificate-authority-data': base64(changes.ca ?? tls.ca),
        },
      },
    ],
    users: [{ name: 'me', user }],
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
}
