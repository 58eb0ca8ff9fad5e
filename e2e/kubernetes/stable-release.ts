import type { IDeployment } from 'kubernetes-models/apps/v1';
import { makeEnvironment } from '../../src/kubernetes/make.ts';
import { admittedOf } from '../../src/kubernetes/manifests/admission.ts';
import { deploymentOf } from '../../src/kubernetes/manifests/deployment.ts';
import { templateOf } from '../../src/kubernetes/manifests/pod-template.ts';
import { renderRelease } from '../../src/kubernetes/manifests/render-release.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { openParts } from './environment-parts.ts';
import { webRelease } from './web-release.ts';

/** Makes an environment with a stable release of the test program that serves; no rollout is driven. */
export async function makeStable(
  cluster: Cluster,
  parts: ReturnType<typeof openParts>,
  { replicas = 1 }: { readonly replicas?: number } = {},
): Promise<void> {
  const { api, place, store, signal } = parts;
  const image = await cluster.image('web');
  const [pullFrom = '', digest = ''] = image.split('@');
  const release = webRelease({ image: digest, resources: { cpu: '10m', memory: '32Mi' } });
  await makeEnvironment(parts);
  const stored = await store.storeRelease(renderRelease({ release, pullFrom, place }), signal);
  const state = await store.readState(signal);
  const desired = { replicas, stable: { release } };
  await store.writeState({ ...state, token: 1, desired }, signal);
  await api.apply(admittedOf(place, [digest]), { signal });
  const template = templateOf(stored, undefined);
  await api.apply<IDeployment>(deploymentOf({ place, template, replicas, gate: 'open' }), { signal });
  const { namespace, project } = place;
  await cluster.kubectl(
    '--namespace',
    namespace,
    'rollout',
    'status',
    `deployment/${project}`,
    '--timeout=60s',
  );
}
