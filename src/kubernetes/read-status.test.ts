import { expect, test } from 'bun:test';
import { environmentOf, type KubernetesConfig, parseConfig } from '../core/config.ts';
import { makeRelease } from '../core/release.ts';
import type { Desired } from '../core/rollout.ts';
import { FakeApi } from './api/fake-api.ts';
import { type KubernetesObject, kinds } from './api/kinds.ts';
import { labels, namesOf, releaseLabel, selectorOf } from './manifests/names.ts';
import { readStatus } from './read-status.ts';
import { openStore } from './store/open-store.ts';

const place = { project: 'shop', environment: 'prod', namespace: 'shop-prod' };
const { signal } = new AbortController();
const release = makeRelease({
  artifact: 'sha256:a',
  image: 'sha256:b',
  command: [],
  settings: { env: {}, secrets: [], port: 8080, paths: ['/'], probes: { timeoutMs: 1 }, drainMs: 1 },
});

function configWith(environment: object = {}): KubernetesConfig {
  const config = parseConfig(
    {
      project: 'shop',
      service: { entry: 'a.ts' },
      environments: { prod: { target: 'kubernetes', ...environment } },
    },
    'causeway.config.ts',
  );
  return environmentOf(config, 'prod') as KubernetesConfig;
}

async function cluster(desired?: Desired, environment: object = {}) {
  const api = new FakeApi(place);
  const store = openStore({ api, place });
  if (desired) await store.writeState({ desired, token: 1 }, signal);
  const options = { api, place, store, config: configWith(environment) };
  return { api, status: () => readStatus(options, signal) };
}

/** The Service, the Deployment, its ReplicaSet, and its pods: each ready, or why not. */
async function deploy(api: FakeApi, pods: readonly ('ready' | string)[], refusal?: string): Promise<void> {
  const { service } = namesOf(place);
  await api.create<KubernetesObject>(
    { apiVersion: 'v1', kind: 'Service', metadata: { namespace: place.namespace, name: service } },
    { signal },
  );
  const metadata = { namespace: place.namespace, creationTimestamp: '2026-11-01T00:00:00Z' };
  const owned = (kind: string, uid: string | undefined) => ({
    ownerReferences: [{ apiVersion: 'apps/v1', kind, name: service, uid: uid ?? '', controller: true }],
  });
  const deployment = await api.create<KubernetesObject>(
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...metadata, name: service } },
    { signal },
  );
  const set = await api.create<KubernetesObject>(
    {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        ...metadata,
        name: 'shop-1',
        labels: own,
        ...owned('Deployment', deployment.metadata?.uid),
      },
      ...(refusal === undefined ? {} : refusing(refusal)),
    },
    { signal },
  );
  for (const [index, state] of pods.entries()) {
    const isReady = state === 'ready';
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...metadata,
        name: `shop-1-${index}`,
        labels: own,
        ...owned('ReplicaSet', set.metadata?.uid),
      },
      spec: { containers: [{ name: namesOf(place).container, image: 'x' }] },
      status: {
        startTime: '2026-11-01T00:00:05Z',
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
        containerStatuses: [
          {
            name: namesOf(place).container,
            restartCount: 0,
            state: isReady ? { running: {} } : { waiting: { reason: state, message: '' } },
          },
        ],
      },
    };
    await api.create(pod, { signal });
  }
}

const own = { ...selectorOf(place), [labels.release]: releaseLabel(release.id) };

const refusing = (message: string) => ({
  spec: { replicas: 2, template: { metadata: { labels: own }, spec: { containers: [] } } },
  status: {
    conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
  },
});

test('where nothing was made, it is absent', async () => {
  const { status } = await cluster();

  expect(await status()).toEqual({
    environment: 'prod',
    target: 'kubernetes',
    state: 'absent',
    running: [],
  });
});

test('what serves is shown with each of its replicas, by its whole id', async () => {
  const { api, status } = await cluster({ replicas: 2, stable: { release } });
  await deploy(api, ['ready', 'ready']);

  const { state, stable, replicas, running } = await status();

  expect({ state, stable, replicas }).toEqual({
    state: 'serving',
    stable: { release: release.id },
    replicas: 2,
  });
  expect(running).toHaveLength(2);
  expect(running[0]).toEqual({
    id: 'shop-1-0',
    release: release.id,
    phase: 'ready',
    restarts: 0,
    startedAt: Date.parse('2026-11-01T00:00:05Z'),
  });
});

test('where a stable replica is not ready it is degraded, and why is told', async () => {
  const { api, status } = await cluster({ replicas: 2, stable: { release } });
  await deploy(api, ['ready', 'InvalidImageName']);

  const { state, because } = await status();

  expect(state).toBe('degraded');
  expect(because).toBe('1 of 2 replicas ready: image x is not the name of an image');
});

test('what the cluster refuses to make is no replica, but why it is missing', async () => {
  const { api, status } = await cluster({ replicas: 2, stable: { release } });
  await deploy(api, ['ready'], 'exceeded quota: small');

  const { state, because, running } = await status();

  expect(running.map(({ id }) => id)).toEqual(['shop-1-0']);
  expect(state).toBe('degraded');
  expect(because).toBe("1 of 2 replicas ready: the namespace's quota refused it: exceeded quota: small");
});

test('a candidate that the cluster refuses to make is told as what the rollout waits for', async () => {
  const { api, status } = await cluster({
    replicas: 2,
    candidate: { release, size: 'all' },
    rollout: {
      id: 'a',
      kind: 'deploy',
      by: 'ada',
      startedAt: 1,
      command: 'none',
      release: release.id,
      artifact: 'sha256:a',
    },
  });
  await deploy(api, [], 'exceeded quota: small');

  const { state, because, running } = await status();

  expect({ state, running }).toEqual({ state: 'rolling-out', running: [] });
  expect(because).toBe(
    "no replica of the candidate can be made: the namespace's quota refused it: exceeded quota: small",
  );
});

test('a Service that somebody removed is told, though every replica is ready', async () => {
  const { api, status } = await cluster({ replicas: 1, stable: { release } });
  await deploy(api, ['ready']);
  await api.remove(kinds.service, 'shop', { signal });

  const { state, because } = await status();

  expect(state).toBe('degraded');
  expect(because).toBe('its Service is gone, so that no request reaches it; up makes it again');
});

test('replicas whose state is gone are not taken for nothing', async () => {
  const { api, status } = await cluster();
  await deploy(api, ['ready']);

  expect(await status()).toMatchObject({
    state: 'degraded',
    because: 'its state is gone; up takes in what runs',
  });
});

test('a Deployment that somebody removed is told', async () => {
  const { status } = await cluster({ replicas: 2, stable: { release } });

  expect(await status()).toMatchObject({ state: 'degraded', because: 'its Deployment is gone' });
});

test('the URL is that of the load balancer, as soon as it has one', async () => {
  const { api, status } = await cluster({ replicas: 2 }, { exposure: { kind: 'loadbalancer', port: 8080 } });
  const before = await status();

  await api.create(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop', namespace: place.namespace },
      status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } },
    },
    { signal },
  );

  expect(before.url).toBeUndefined();
  expect((await status()).url).toBe('http://203.0.113.7:8080');
});

test('the URL is that of the Ingress, with TLS where it has a certificate', async () => {
  const { api, status } = await cluster(
    { replicas: 2 },
    { exposure: { kind: 'ingress', host: 'shop.example.com', tlsSecret: 'tls' } },
  );
  await api.create(
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'shop', namespace: place.namespace },
      spec: { rules: [{ host: 'shop.example.com' }], tls: [{ secretName: 'tls' }] },
    },
    { signal },
  );

  expect((await status()).url).toBe('https://shop.example.com');
});
