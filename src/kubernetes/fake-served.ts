import type { Running } from '../core/rollout.ts';
import { FakeApi } from './api/fake-api.ts';
import type { KubernetesObject } from './api/kinds.ts';
import { replicasOf } from './cluster-config.ts';
import { allObjects } from './manifests/all-objects.ts';
import { makeShop, type Shop, type ShopParts } from './manifests/fixtures.ts';
import { openStore } from './store/open-store.ts';
import type { Store } from './store/store.ts';

export interface Served extends Shop {
  readonly api: FakeApi;
  readonly store: Store;
  readonly stable: Running;
}

/** A cluster in memory in which a release of shop serves, as a rollout has left it. */
export async function fakeServed(parts: ShopParts = {}, { isAgain = false } = {}): Promise<Served> {
  const { signal } = new AbortController();
  const shop = makeShop(parts);
  const { place, config, release, stored } = shop;
  const api = new FakeApi(place);
  const store = openStore({ api, place });
  const values = Object.fromEntries(release.settings.secrets.map((name) => [name, 'a value']));
  const secretSet = await store.storeSecrets(values, { inUse: [], isFresh: isAgain }, signal);
  const stable: Running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
  await store.storeRelease(stored, signal);
  const replicas = replicasOf(config);
  await store.writeState({ desired: { replicas, stable }, token: 1 }, signal);
  const count = config.autoscale ? undefined : config.replicas;
  for (const object of allObjects({ place, config, stored, secretSet, replicas: count })) api.put(object);
  return { ...shop, api, store, stable };
}

/** Changes what is there as somebody else would. */
export function edit<T extends KubernetesObject>(
  api: FakeApi,
  object: T | undefined,
  // biome-ignore lint/suspicious/noExplicitAny: what somebody else makes of an object has no type
  how: (copy: any) => void,
): void {
  if (!object) throw new Error('there is nothing to change');
  const copy = structuredClone(object);
  how(copy);
  api.put(copy);
}
