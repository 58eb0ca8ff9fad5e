import type { Cluster } from '../cluster/cluster.ts';

interface Listed {
  readonly items: readonly {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }[];
}

/** Every object of the cluster in which this text is found, wherever it lies; a log's own events apart. */
export async function objectsThatName(cluster: Cluster, text: string): Promise<readonly string[]> {
  const resources = (await cluster.kubectl('api-resources', '--verbs=list', '--output=name'))
    .split('\n')
    .filter((name) => name !== '' && !/^events(\.|$)|\.metrics\.k8s\.io$/.test(name));
  const found = await cluster.kubectl('get', resources.join(','), '--all-namespaces', '--output=json');
  const { items } = JSON.parse(found) as Listed;
  return items
    .filter((item) => JSON.stringify(item).includes(text))
    .map(({ kind, metadata: { name, namespace } }) => `${namespace ?? ''} ${kind}/${name}`.trim());
}
