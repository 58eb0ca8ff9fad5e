import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import { FakeApi, type FakeCall } from './api/fake-api.ts';
import { refusal } from './api/fake-patch.ts';
import { kinds } from './api/kinds.ts';
import { keepHistory } from './down/keep-history.ts';
import { makeEnvironment } from './make.ts';
import { makeShop, type ShopParts } from './manifests/fixtures.ts';
import { labels, namesOf, ownLabels, releaseLabel } from './manifests/names.ts';
import { fakeRecord, fakeStored } from './store/fake-stored.ts';
import { openStore } from './store/open-store.ts';

const { signal } = new AbortController();
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function openMade(parts: ShopParts = {}) {
  const { place } = makeShop(parts);
  const api = new FakeApi(place);
  const store = openStore({ api, place });
  const stateFolder = mkdtempSync(join(realpathSync('/tmp'), 'cw-make-'));
  folders.push(stateFolder);
  const make = (others: ShopParts = parts) =>
    makeEnvironment({ api, place, config: makeShop(others).config, store, stateFolder, signal });
  const keep = (...ids: readonly string[]) => {
    const records = ids.map((id) => JSON.stringify(fakeRecord(id)));
    return keepHistory({ stateFolder, place, server: api.access.server, records });
  };
  return { api, store, make, keep };
}

test('what is missing is made, and said in one line', async () => {
  const { store, make } = openMade();

  const said = await make();

  expect(said).toBe(
    'made namespace shop-staging, ServiceAccount, NetworkPolicy, Service, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding',
  );
  expect((await store.readState(signal))?.desired).toEqual({ replicas: 2 });
});

test('where nothing is missing nothing is said', async () => {
  const { make } = openMade({ environment: { autoscale: { max: 4 } } });
  await make();

  expect(await make()).toBeUndefined();
});

test('what a controller notes on an object meanwhile is nothing that was put right', async () => {
  const { api, make } = openMade();
  await make();
  const noted: string[] = [];
  api.before = ({ verb, kind, name }: FakeCall) => {
    if (verb !== 'apply') return;
    const object = [...api.all(kinds.admissionPolicy), ...api.all(kinds.namespace)].find(
      (one) => one.kind === kind && one.metadata?.name === name,
    );
    if (!object) return;
    noted.push(kind);
    api.put(Object.assign({}, object, { status: { observedGeneration: 1, typeChecking: {} } }));
  };

  const said = await make();

  expect(said).toBeUndefined();
  expect(noted.sort()).toEqual(['Namespace', 'ValidatingAdmissionPolicy']);
});

test('what somebody changed is put right, what somebody deleted is made', async () => {
  const { api, make } = openMade();
  await make();
  const [policy] = api.all(kinds.admissionPolicy);
  if (policy) api.put({ ...policy, spec: { ...policy.spec, failurePolicy: 'Ignore' } } as typeof policy);
  await api.remove(kinds.networkPolicy, 'shop', { signal });

  expect(await make()).toBe('made NetworkPolicy; put right ValidatingAdmissionPolicy');
});

test('an autoscaler that the config has no more is removed', async () => {
  const { make } = openMade({ environment: { autoscale: { max: 4 } } });
  await make();

  expect(await make({})).toBe('removed HorizontalPodAutoscaler');
});

test('who may not write the cluster’s own objects gets everything else, and is told', async () => {
  const { api, make } = openMade();
  api.before = ({ verb, kind }) => {
    if (verb === 'apply' && kind.startsWith('ValidatingAdmission'))
      throw refusal(403, 'Forbidden', 'only administrators');
  };

  expect(await make()).toEndWith(
    'left out the admission policy, which takes an administrator: only administrators',
  );
});

test('the history that down kept of an earlier environment is taken in, once, and said', async () => {
  const { store, make, keep } = openMade();
  const path = await keep('a', 'b');

  const first = await make();
  await keep('c');
  const second = await make();

  expect(first).toEndWith(`; took in the history of 2 rollouts that down kept in ${path}`);
  expect(second).toBeUndefined();
  expect((await store.history.list()).map(({ id }) => id)).toEqual(['a', 'b']);
});

describe('where the state is gone', () => {
  async function withoutState(parts: { readonly minReadySeconds?: number; readonly isKept?: boolean }) {
    const { minReadySeconds = 0, isKept = true } = parts;
    const made = openMade();
    await made.make();
    const stored = fakeStored('stable');
    if (isKept) await made.store.storeRelease(stored, signal);
    const names = namesOf(makeShop().place);
    const label = { [labels.release]: releaseLabel(stored.release.id), [labels.secretSet]: 'blue' };
    made.api.put<IDeployment>({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: names.service, namespace: made.api.namespace, labels: ownLabels(makeShop().place) },
      spec: {
        minReadySeconds,
        selector: {},
        template: { metadata: { labels: label }, spec: { containers: [] } },
      },
    });
    await made.api.remove(kinds.configMap, names.state, { signal });
    return { ...made, stored };
  }

  test('what runs is taken in, so that a rollout over it has something to go back to', async () => {
    const { make, store, stored } = await withoutState({});

    const said = await make();

    expect(said).toStartWith('took in release ');
    expect((await store.readState(signal))?.desired).toEqual({
      replicas: 2,
      stable: { release: stored.release, secretSet: 'blue' },
    });
  });

  test.each([
    ['its gate is closed', { minReadySeconds: 1_000_000_000 }],
    ['its release is not kept', { isKept: false }],
  ])('and what runs cannot be told, as %s, nothing is rolled over it', async (_why, parts) => {
    const { make, store } = await withoutState(parts);

    const refused = await make().catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: 'state_corrupt' });
    expect(await store.readState(signal)).toBeUndefined();
  });
});
