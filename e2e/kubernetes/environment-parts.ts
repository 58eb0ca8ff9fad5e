import { type KubernetesConfig, parseConfig } from '../../src/core/config.ts';
import type { ClusterAccess } from '../../src/kubernetes/api/access.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import type { Place } from '../../src/kubernetes/manifests/names.ts';
import { openStore } from '../../src/kubernetes/store/open-store.ts';

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
