import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterAccess } from '../src/kubernetes/api/access.ts';

export interface OwnAccessOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the kubelet puts the account's token and the cluster's certificate. */
  readonly folder?: string;
}

const usualFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The cluster that this pod runs in, as its own account. */
export async function ownAccess({ env, folder = usualFolder }: OwnAccessOptions): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env;
  const authority = host.includes(':') ? `[${host}]` : host;
  return {
    context: 'in-cluster',
    server: `https://${authority}:${port}`,
    tls: { ca: await readFile(join(folder, 'ca.crt'), 'utf8') },
    headers: async () => {
      // The kubelet writes it anew within the hour.
      const token = await readFile(join(folder, 'token'), 'utf8');
      return { authorization: `Bearer ${token.trim()}` };
    },
  };
}
