import { type KubernetesConfig, parseConfig } from '../../src/core/config.ts';
import type { ClusterAccess } from '../../src/kubernetes/api/access.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { admissionObjects } from '../../src/kubernetes/manifests/admission.ts';
import type { Place } from '../../src/kubernetes/manifests/names.ts';
import { openStore } from '../../src/kubernetes/store/open-store.ts';
import type { Cluster } from '../cluster/cluster.ts';

export interface PartsOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  readonly config?: object;
  readonly place?: Partial<Place>;
  readonly signal?: AbortSignal;
}

/** What the parts of the target are called with, for an environment `test` of project `shop`. */
export function openParts({ access, namespace, config = {}, place, signal }: PartsOptions) {
  const api = openApi({ access, namespace, trace: () => undefined });
  const where: Place = { project: 'shop', environment: 'test', namespace, ...place };
  return {
    api,
    place: where,
    config: kubernetesConfig(config),
    store: openStore({ api, place: where }),
    signal: signal ?? AbortSignal.timeout(60_000),
  };
}

/** Takes such an environment away, as far as it is there; its namespace may go on ending. */
export async function removeParts({ kubectl }: Pick<Cluster, 'kubectl'>, namespace: string): Promise<void> {
  const place = { project: 'shop', environment: 'test', namespace };
  for (const { kind, metadata } of admissionObjects(place))
    await kubectl('delete', kind, metadata?.name ?? '', '--ignore-not-found');
  await kubectl('delete', 'namespace', namespace, '--wait=false', '--ignore-not-found');
}

function kubernetesConfig(config: object): KubernetesConfig {
  const exported = {
    project: 'shop',
    service: { entry: 'main.ts' },
    environments: { test: { target: 'kubernetes', context: 'test', ...config } },
  };
  const { test } = parseConfig(exported, 'causeway.config.ts').environments;
  if (test?.target !== 'kubernetes') throw new Error('the environment is not of a cluster');
  return test;
}
