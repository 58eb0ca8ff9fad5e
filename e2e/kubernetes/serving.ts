import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { makeEnvironment } from '../../src/kubernetes/make.ts';
import { admittedOf } from '../../src/kubernetes/manifests/admission.ts';
import { deploymentOf } from '../../src/kubernetes/manifests/deployment.ts';
import { disruptionBudgetOf } from '../../src/kubernetes/manifests/disruption-budget.ts';
import { templateOf } from '../../src/kubernetes/manifests/pod-template.ts';
import { renderRelease } from '../../src/kubernetes/manifests/render-release.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { until } from '../local/project.ts';
import type { openParts } from './environment-parts.ts';
import { webRelease } from './web-release.ts';

/** Makes the environment of these parts, with a stable release of the test image that serves. */
export async function makeServing(
  cluster: Cluster,
  { api, place, config, store, signal }: ReturnType<typeof openParts>,
  { replicas = 1 }: { readonly replicas?: number } = {},
): Promise<void> {
  await makeEnvironment({ api, place, config, store, signal });
  const [pullFrom = '', image = ''] = (await cluster.image('web')).split('@');
  const release = webRelease({ image, resources: { cpu: '10m', memory: '16Mi' } });
  const stored = await store.storeRelease(renderRelease({ release, pullFrom, place }), signal);
  const template = templateOf(stored, undefined);
  await api.apply(admittedOf(place, [image]), { signal });
  await api.apply(disruptionBudgetOf({ place, stable: { release } }), { signal });
  await api.apply(deploymentOf({ place, template, replicas, gate: 'open' }), { signal });
  const state = await store.readState(signal);
  if (!state) throw new Error('makeEnvironment wrote no state');
  await store.writeState({ ...state, desired: { replicas, stable: { release } } }, signal);
  await until('it serves', async () => {
    const found = await api.get(kinds.deployment, place.project, signal);
    return found?.status?.readyReplicas === replicas;
  });
}
