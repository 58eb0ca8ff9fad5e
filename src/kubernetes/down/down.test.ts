import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1';
import { FakeApi } from '../api/fake-api.ts';
import { refusal } from '../api/fake-patch.ts';
import { kinds } from '../api/kinds.ts';
import { fakeServed, type Served } from '../fake-served.ts';
import { makeEnvironment } from '../make.ts';
import { admissionObjects } from '../manifests/admission.ts';
import { makeShop } from '../manifests/fixtures.ts';
import { namesOf } from '../manifests/names.ts';
import { fakeStored } from '../store/fake-stored.ts';
import { takeLease } from '../target/lease.ts';
import { openTarget } from '../target/open-target.ts';
import { takeDown } from './down.ts';

const { signal } = new AbortController();
const stateFolder = mkdtempSync(join(realpathSync('/tmp'), 'cw-down-'));

afterAll(() => rmSync(stateFolder, { recursive: true }));

const down = (served: Served, patienceMs = 500) =>
  takeDown({ ...served, stateFolder, by: 'ada', signal, patienceMs });

test('what another command stores on the way goes as well', async () => {
  const served = await fakeServed();
  const { api, store } = served;
  api.answerRead = () => ({ groups: [], resources: [] });
  let isStored = false;
  api.before = ({ verb, kind }) => {
    if (isStored || verb !== 'remove' || kind !== 'ConfigMap') return;
    isStored = true;
    void store.storeRelease(fakeStored('late'), signal);
  };

  const { items } = await down(served);

  expect(isStored).toBe(true);
  expect(items.filter(({ isGone }) => !isGone)).toEqual([]);
  expect(api.all(kinds.configMap)).toEqual([]);
});

test('while it is under way nothing is made, and who asks is told to wait', async () => {
  const served = await fakeServed();
  const { api, store, place, config } = served;
  const holder = { by: 'grace', purpose: 'down' };
  const lease = await takeLease({ api, place, holder, signal, renewMs: 50 });
  api.calls.length = 0;

  const error = await makeEnvironment({ api, place, config, store, signal }).catch(
    (thrown: unknown) => thrown,
  );
  await lease.release();

  expect(error).toMatchObject({
    code: 'rollout_running',
    message: expect.stringMatching(/^down by grace on .* is under way on staging for /),
    hint: 'wait until it has ended; causeway up staging then makes it anew',
  });
  expect(api.calls.filter(({ verb, kind }) => verb === 'apply' && kind !== 'Lease')).toEqual([]);
});

test('a second one at once is told of the first, or waits for the namespace that the first has come to', async () => {
  const served = await fakeServed();
  const { api, place } = served;
  const lease = await takeLease({
    api,
    place,
    holder: { by: 'grace', purpose: 'down' },
    signal,
    renewMs: 50,
  });

  await expect(down(served)).rejects.toMatchObject({ code: 'rollout_running' });

  await lease.release();
  await api.remove(kinds.lease, namesOf(place).state, { signal });
  const [namespace] = api.all(kinds.namespace);
  if (namespace)
    api.put({ ...namespace, metadata: { ...namespace.metadata, deletionTimestamp: '2026-11-30T10:00:00Z' } });
  api.before = ({ verb, kind }) => {
    if (verb === 'create' && kind === 'Lease') throw refusal(403, 'Forbidden', 'it is being terminated');
  };
  expect((await down(served)).environment).toBe('staging');
});

test('one that is gone on with by a second one waits for that one, and finds nothing left', async () => {
  const served = await fakeServed();
  const { api, place } = served;
  api.answerRead = () => ({ groups: [], resources: [] });
  const lease = await takeLease({ api, place, holder: { by: 'grace', purpose: 'down' }, signal });
  await lease.release();
  const [given] = api.all(kinds.lease);
  const held = { ...given, spec: { ...given?.spec, holderIdentity: 'grace@elsewhere/1/abc/def' } } as ILease;
  let isRemoved = false;
  let isTaken = false;
  api.after = ({ verb, kind }) => {
    if (kind !== 'Lease') return;
    if (verb === 'list' && isRemoved && !isTaken) {
      isTaken = true;
      api.put(held);
    }
    // The other one ends once it was looked at.
    if (verb === 'get' && isTaken) void api.remove(kinds.lease, namesOf(place).state, { signal });
    if (verb === 'remove') isRemoved = true;
  };

  const { items } = await down(served, 5_000);

  expect(isTaken).toBe(true);
  expect(items.filter(({ isGone }) => !isGone)).toEqual([]);
});

test('the lock that is gone with all else is not missed by who held it', async () => {
  const served = await fakeServed();
  const { api, place } = served;
  const { state } = namesOf(place);
  api.answerRead = () => ({ groups: [], resources: [] });
  const [kept] = api.all(kinds.configMap).filter(({ metadata }) => metadata?.name === state);
  let isSlow = false;
  let isRenewed = false;
  api.after = ({ verb, kind, name }) => {
    if (verb !== 'remove' || kind !== 'ConfigMap' || name !== state || isSlow) return;
    isSlow = true;
    if (kept) api.put(kept);
  };
  api.before = ({ verb, kind }) => {
    if (!isSlow || isRenewed || verb !== 'patch' || kind !== 'Lease') return;
    isRenewed = true;
    void api.remove(kinds.configMap, state, { signal });
  };

  const { items } = await takeDown({ ...served, stateFolder, by: 'ada', signal, renewMs: 5 });

  expect(isRenewed).toBe(true);
  expect(items.filter(({ isGone }) => !isGone)).toEqual([]);
});

test('the cluster’s own objects go, too, where somebody has deleted the namespace', async () => {
  const { place } = makeShop();
  const api = new FakeApi(place);
  for (const object of admissionObjects(place)) api.put(object);
  const { config } = makeShop();

  const { items } = await takeDown({ api, place, config, stateFolder, by: 'ada', signal, patienceMs: 500 });

  expect(items).toEqual([
    { what: 'ValidatingAdmissionPolicy/causeway-shop-staging-shop', isGone: true },
    { what: '2 ValidatingAdmissionPolicyBindings', isGone: true },
  ]);
});

test('a namespace whose cluster goes is left to it', async () => {
  const served = await fakeServed();
  const { api } = served;
  api.answerRead = () => ({ groups: [], resources: [] });

  const { items } = await takeDown({ ...served, stateFolder, by: 'ada', signal, isClusterGoing: true });

  expect(items.filter(({ isGone }) => !isGone)).toEqual([]);
  expect(items.map(({ what }) => what)).not.toContainEqual(expect.stringMatching(/^namespace/));
  expect(api.all(kinds.configMap)).toEqual([]);
  expect(api.all(kinds.namespace)).toHaveLength(1);
});

test('a rollout that gets the lock after it finds the environment gone, and makes nothing', async () => {
  const served = await fakeServed();
  const { api, place } = served;
  const target = openTarget({ ...served, isMade: true, trace: () => undefined });
  await api.remove(kinds.configMap, namesOf(place).state, { signal });

  await expect(target.lock({ by: 'ada', purpose: 'deploy' }, signal)).rejects.toMatchObject({
    code: 'environment_missing',
    message: 'staging was taken away meanwhile',
  });
  target.close();
});
