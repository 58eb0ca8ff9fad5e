import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { Difference } from '../../src/core/difference.ts';
import type { Running } from '../../src/core/rollout.ts';
import { type KubernetesObject, kindOf, kinds } from '../../src/kubernetes/api/kinds.ts';
import { findDrift } from '../../src/kubernetes/drift.ts';
import { admissionObjects } from '../../src/kubernetes/manifests/admission.ts';
import { allObjects } from '../../src/kubernetes/manifests/all-objects.ts';
import { deploymentPatch } from '../../src/kubernetes/manifests/deployment.ts';
import { environmentObjects } from '../../src/kubernetes/manifests/environment-objects.ts';
import { selectorOf } from '../../src/kubernetes/manifests/names.ts';
import { toYaml } from '../../src/kubernetes/manifests/yaml.ts';
import { previewChanges } from '../../src/kubernetes/preview.ts';
import type { StoredState } from '../../src/kubernetes/store/store.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { makeShopThere, type ShopThere } from './shop.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

if (await have('a cluster', findCluster)) describe('the manifests', testManifests);

const signal = AbortSignal.timeout(20 * minuteMs);

function testManifests(): void {
  let cluster: Cluster;
  let shop: ShopThere;
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-manifests-'));

  beforeAll(async () => {
    cluster = await openCluster();
    shop = await makeShopThere(cluster);
    for (const object of objectsOf(shop)) await shop.api.apply(object, { signal });
    const { namespace } = shop.place;
    await cluster.kubectl('--namespace', namespace, 'rollout', 'status', 'deployment/shop', '--timeout=60s');
  }, 20 * minuteMs);

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    for (const object of admissionObjects(shop.place)) {
      await shop.api.remove(kindOf(object), object.metadata?.name ?? '', { signal });
    }
    await shop?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test.each([
    {},
    { autoscale: { max: 6 }, exposure: { kind: 'loadbalancer', annotations: { 'example.com/kind': 'nlb' } } },
    {
      exposure: { kind: 'ingress', host: 'shop.example.com', className: 'nginx', tlsSecret: 'shop-tls' },
      allowFrom: [{ namespace: 'ingress-nginx' }, { cidr: '10.0.0.0/8' }],
    },
  ])('as YAML they are what the API server takes: %j', async (environment) => {
    const service = { secrets: { TOKEN: { env: 'TOKEN' } }, probes: { live: '/', metrics: '/metrics' } };
    await using there = await makeShopThere(cluster, { environment, service });

    const file = join(folder, 'all.yaml');
    await Bun.write(file, toYaml(objectsOf(there)));

    const said = await cluster.kubectl('apply', '--server-side', '--dry-run=server', `--filename=${file}`);

    expect(said.trim().split('\n')).toHaveLength(objectsOf(there).length);
  });

  test('a release that was applied serves through its Service', async () => {
    expect(await fetchesFrom(shop, await addressOf(shop))).toMatch(/pod=shop-/);
  });

  test('pods of another namespace are refused, and those of the same let in', async () => {
    await using other = await makeShopThere(cluster);
    for (const object of objectsOf(other).filter(isNoPolicy)) await other.api.apply(object, { signal });
    const { namespace } = other.place;
    await cluster.kubectl('--namespace', namespace, 'rollout', 'status', 'deployment/shop', '--timeout=60s');
    const policy = await shop.api.get(kinds.networkPolicy, 'shop', signal);

    const url = await addressOf(shop);

    // A policy is in force a moment after it was accepted.
    await until('the other namespace is refused', async () => !(await fetchesFrom(other, url)));

    expect(policy?.spec?.ingress?.[0]?.from).toEqual([{ podSelector: {} }]);
    expect(await fetchesFrom(other, await addressOf(other))).toMatch(/pod=shop-/);
    expect(await fetchesFrom(shop, url)).toMatch(/pod=shop-/);
  });

  test('nothing drifts where nothing was changed, and nothing would be changed', async () => {
    expect(await findDrift(driftOf(shop))).toEqual([]);
    expect(await previewOf(shop)).toEqual([]);
  });

  test.each([
    {
      by: ['scale', 'deployment/shop', '--replicas=3'],
      drift: { object: 'Deployment/shop', field: 'spec.replicas', wanted: 2, found: 3 },
    },
    {
      by: ['set', 'image', 'deployment/shop', 'service=evil:1'],
      drift: { field: 'spec.template.spec.containers[service].image', found: 'evil:1' },
    },
    {
      by: ['set', 'env', 'deployment/shop', 'DEBUG=1'],
      drift: { field: 'spec.template.spec.containers[service].env', found: [{ name: 'DEBUG', value: '1' }] },
    },
    {
      by: ['rollout', 'restart', 'deployment/shop'],
      drift: { field: 'spec.template.metadata.annotations', wanted: undefined },
    },
    { by: ['rollout', 'pause', 'deployment/shop'], drift: { field: 'spec.paused', found: true } },
    { by: ['delete', 'networkpolicy/shop'], drift: { object: 'NetworkPolicy/shop', found: undefined } },
    { by: ['delete', 'poddisruptionbudget/shop'], drift: { object: 'PodDisruptionBudget/shop' } },
    { by: ['delete', 'configmap/shop-admitted'], drift: { object: 'ConfigMap/shop-admitted' } },
    {
      by: ['patch', 'service/shop', '--patch={"spec":{"selector":{"app.kubernetes.io/name":"other"}}}'],
      drift: { field: 'spec.selector[app.kubernetes.io/name]', wanted: 'shop', found: 'other' },
    },
    {
      by: [
        'patch',
        'networkpolicy/shop',
        '--type=json',
        '--patch=[{"op":"add","path":"/spec/ingress/-","value":{}}]',
      ],
      drift: { object: 'NetworkPolicy/shop', field: 'spec.ingress' },
    },
  ])('drift tells of kubectl $by', async ({ by, drift }) => {
    const { namespace } = shop.place;
    await cluster.kubectl('--namespace', namespace, ...by);

    const differences = await findDrift(driftOf(shop));

    expect(differences).toEqual([expect.objectContaining(drift)]);
    await putRight(shop);
    expect(await findDrift(driftOf(shop))).toEqual([]);
  });

  test('what somebody else owns elsewhere is no drift', async () => {
    const { namespace } = shop.place;
    await cluster.kubectl('--namespace', namespace, 'annotate', 'deployment/shop', 'example.com/owner=blue');
    await cluster.kubectl('--namespace', namespace, 'label', 'service/shop', 'team=blue');

    expect(await findDrift(driftOf(shop))).toEqual([]);
  });

  test('what would be changed is told field by field, and is not', async () => {
    const changed = { ...shop, config: { ...shop.config, replicas: 4, allowFrom: [{ namespace: 'edge' }] } };

    const differences = await previewOf(changed);

    expect(differences).toEqual([
      expect.objectContaining({ object: 'NetworkPolicy/shop', field: 'spec.ingress[0].from' }),
      { object: 'Deployment/shop', field: 'spec.replicas', wanted: 4, found: 2 },
    ] as Difference[]);
    expect((await shop.api.get(kinds.deployment, 'shop', signal))?.spec?.replicas).toBe(2);
  });

  test('in a namespace that is not there everything would be made', async () => {
    const place = { ...shop.place, namespace: 'shop-nowhere' };
    const api = { ...shop.api, get: async () => undefined };

    const differences = await previewOf({ ...shop, place, api });

    expect(differences.every(({ found }) => found === undefined)).toBe(true);
    expect(differences[0]).toMatchObject({ object: 'Namespace/shop-nowhere' });
  });
}

function objectsOf({ place, config, stored }: ShopThere): readonly KubernetesObject[] {
  const replicas = config.autoscale ? undefined : config.replicas;
  return allObjects({ place, config, stored, secretSet: undefined, replicas });
}

/** Without the cluster's own objects. */
function isNoPolicy(object: KubernetesObject): boolean {
  return kindOf(object).isNamespaced;
}

/** What was rolled out, as the store keeps it. */
function storeOf({ stored, release }: ShopThere) {
  const stable: Running = { release };
  const state: StoredState = { desired: { replicas: 2, stable }, token: 1, history: 1 };
  return { readState: async () => state, readRelease: async () => stored };
}

function driftOf(shop: ShopThere) {
  const { api, place, config } = shop;
  return { api, place, config, store: storeOf(shop), signal };
}

function previewOf(shop: ShopThere) {
  return previewChanges({ ...driftOf(shop), release: shop.release });
}

/** As `up` does. */
async function putRight(shop: ShopThere): Promise<void> {
  const { api, place, config } = shop;
  const patched = objectsOf(shop).filter(({ kind }) => kind === 'Deployment');
  for (const object of [...environmentObjects({ place, config }), ...objectsOf(shop)]) {
    if (object.kind !== 'Deployment') await api.apply(object, { signal });
  }
  for (const object of patched) await rewrite(shop, object);
}

async function rewrite({ api }: ShopThere, wanted: KubernetesObject): Promise<void> {
  const found = await api.get(kinds.deployment, 'shop', signal);
  const patch = deploymentPatch(wanted as IDeployment, found as IDeployment);
  await api.patch(kinds.deployment, 'shop', [...patch, { op: 'add', path: '/spec/paused', value: false }], {
    signal,
  });
}

async function addressOf({ api }: ShopThere): Promise<string> {
  const service = await api.get(kinds.service, 'shop', signal);
  return `http://${service?.spec?.clusterIP}/`;
}

/** What a replica is answered at an address; undefined: nothing. The policy lets nobody ask from outside. */
async function fetchesFrom({ api, place }: ShopThere, url: string): Promise<string | undefined> {
  const { items } = await api.list(kinds.pod, { labels: selectorOf(place) }, signal);
  const ready = items.find(
    ({ metadata, status }) =>
      metadata?.deletionTimestamp === undefined && status?.containerStatuses?.every((one) => one.ready),
  );
  const path = `/fetch?url=${encodeURIComponent(url)}`;
  const answer = await api.proxy(ready?.metadata?.name ?? '', 8080, path, signal);
  return ((await answer.json()) as { readonly text?: string }).text;
}
