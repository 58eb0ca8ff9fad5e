import { UserError } from '../../core/errors.ts';
import type { Api } from '../api/api.ts';

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

interface Item {
  readonly metadata: {
    readonly name: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly unknown[];
  };
}

/**
 * What is in a namespace that neither we nor the cluster itself put there, of whatever kind, by its names: it would go
 * with the namespace. A kind that cannot be seen is named as one that may be there.
 */
export async function findForeign(
  api: Api,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const groups = ['/api/v1', ...(await listGroups(api, signal))];
  const found = await Promise.all(groups.map((path) => findInGroup(api, path, namespace, signal)));
  return found.flat();
}

async function listGroups(api: Api, signal: AbortSignal): Promise<readonly string[]> {
  interface Groups {
    readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
  }
  const { groups } = await api.read<Groups>('/apis', signal);
  return groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`);
}

async function findInGroup(
  api: Api,
  path: string,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const group = await orTrouble(() => api.read<{ readonly resources: readonly Resource[] }>(path, signal));
  if (typeof group === 'string')
    return path.startsWith('/apis/metrics.') ? [] : [`whatever ${path} has (${group})`];
  const found = await Promise.all(
    group.resources.filter(mayHoldOthers).map(async ({ name, kind }) => {
      const at = `${path}/namespaces/${namespace}/${name}?limit=${mostRead}`;
      const list = await orTrouble(() => api.read<{ readonly items: readonly Item[] }>(at, signal));
      if (typeof list === 'string') return [`whatever ${name} there are (${list})`];
      return list.items
        .filter((item) => isOthers(kind, item))
        .map(({ metadata }) => `${kind}/${metadata.name}`);
    }),
  );
  return found.flat();
}

const mostRead = 50;

/** What cannot be deleted goes by itself; events and endpoints say something about others. */
function mayHoldOthers({ name, namespaced, verbs }: Resource): boolean {
  const isRemark = name === 'events' || name === 'endpoints' || name === 'endpointslices';
  return namespaced && !isRemark && !name.includes('/') && verbs.includes('list') && verbs.includes('delete');
}

/** What has an owner goes with it; the rest is what every namespace is given by the cluster, or by a mesh. */
function isOthers(kind: string, { metadata }: Item): boolean {
  if (metadata.deletionTimestamp !== undefined || metadata.ownerReferences?.length) return false;
  return !given.has(`${kind}/${metadata.name}`);
}

const given = new Set([
  'ServiceAccount/default',
  'ServiceAccount/builder',
  'ServiceAccount/deployer',
  'ConfigMap/kube-root-ca.crt',
  'ConfigMap/istio-ca-root-cert',
  'ConfigMap/openshift-service-ca.crt',
]);

async function orTrouble<T>(ask: () => Promise<T>): Promise<T | string> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}
