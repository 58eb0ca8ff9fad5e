import { afterEach, expect, test } from 'bun:test';
import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { Desired } from '../../core/rollout.ts';
import { kinds } from '../api/kinds.ts';
import { fakeServed, type Served } from '../fake-served.ts';
import type { ShopParts } from '../manifests/fixtures.ts';
import { labels, namesOf } from '../manifests/names.ts';
import { templateOf } from '../manifests/pod-template.ts';
import type { KubernetesTarget } from './kubernetes-target.ts';
import { openTarget } from './open-target.ts';
import { recoverRelease } from './recover-release.ts';

const { signal } = new AbortController();
const withSecrets = { service: { secrets: { TOKEN: { env: 'TOKEN' } } } };
const targets: KubernetesTarget[] = [];

afterEach(() => {
  for (const target of targets.splice(0)) target.close();
});

/** A release that serves, by its ReplicaSet, and whose stored copy somebody deleted. */
async function serve(parts: ShopParts = withSecrets): Promise<Served> {
  const served = await fakeServed(parts);
  const { api, stored, stable, place, config } = served;
  await api.remove(kinds.configMap, namesOf(place).release(stored.release.id), { signal });
  putSet(served, 'shop-1', {});
  const target = openTarget({ ...served, api, config, trace: () => undefined });
  targets.push(target);
  expect(await served.store.readRelease(stable.release.id, signal)).toBeUndefined();
  return served;
}

/** As the Deployment's controller makes one. */
function putSet({ api, stored, stable }: Served, name: string, change: object): void {
  const { metadata, spec } = templateOf(stored, stable.secretSet);
  const own = { ...metadata?.labels, 'pod-template-hash': name };
  api.put<IReplicaSet>({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, labels: own, creationTimestamp: '2026-11-30T10:00:00Z', ...change },
    spec: {
      replicas: 2,
      selector: { matchLabels: { 'pod-template-hash': name } },
      template: { metadata: { labels: own }, ...(spec ? { spec } : {}) },
    },
  });
}

function templateIn({ api }: Served) {
  return api.all(kinds.deployment)[0]?.spec?.template;
}

test.each([
  ['with secrets', withSecrets],
  ['without', {}],
])('a release that runs %s is what was stored, from its ReplicaSet', async (_what, parts) => {
  const served = await serve(parts);

  expect(await recoverRelease({ ...served, running: served.stable, signal })).toEqual(served.stored);
});

test('what others made of it later is not taken for it', async () => {
  const served = await serve();
  const { api, stable, stored } = served;
  const [own] = api.all(kinds.replicaSet);
  putSet(served, 'shop-2', { creationTimestamp: '2026-11-30T11:00:00Z' });
  const changed = structuredClone(own) as NonNullable<typeof own>;
  const [container] = changed.spec?.template?.spec?.containers ?? [];
  if (container) Object.assign(container, { image: `elsewhere@sha256:${'e'.repeat(64)}` });
  const older = { ...changed.metadata, name: 'shop-0', creationTimestamp: '2026-11-30T09:00:00Z' };
  api.put({ ...changed, metadata: older });

  expect(await recoverRelease({ ...served, running: stable, signal })).toEqual(stored);
});

test('without a ReplicaSet, or with one of other secrets alone, there is nothing to take it from', async () => {
  const served = await serve();
  const { stable } = served;

  expect(
    await recoverRelease({ ...served, running: { ...stable, secretSet: 'other' }, signal }),
  ).toBeUndefined();
  await served.api.remove(kinds.replicaSet, 'shop-1', { signal });
  expect(await recoverRelease({ ...served, running: stable, signal })).toBeUndefined();
});

test('a target puts the same template back, admits its image and stores the release again', async () => {
  const served = await serve();
  const { api, store, stable, stored, place } = served;
  const before = templateIn(served);
  const target = targets[0] as KubernetesTarget;
  const lock = await target.lock({ by: 'ada', purpose: 'take out' }, signal);
  const desired: Desired = { replicas: 2, stable };

  await target.set(desired, lock);

  expect(before).toBeDefined();
  expect(templateIn(served)).toEqual(before);
  expect(templateIn(served)?.metadata?.labels).toHaveProperty([labels.secretSet], stable.secretSet);
  const admitted = await api.get(kinds.configMap, namesOf(place).admitted, signal);
  expect(Object.keys(admitted?.data ?? {})).toEqual([stored.image.slice(-64)]);
  expect(await store.readRelease(stable.release.id, signal)).toEqual(stored);
  await lock.release();
});
