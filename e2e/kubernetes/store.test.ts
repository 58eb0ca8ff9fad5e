import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Desired } from '../../src/core/rollout.ts';
import type { Api } from '../../src/kubernetes/api/api.ts';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { labels, type Place } from '../../src/kubernetes/manifests/names.ts';
import { fakeRecord, fakeStored } from '../../src/kubernetes/store/fake-stored.ts';
import { openStore } from '../../src/kubernetes/store/open-store.ts';
import type { Store } from '../../src/kubernetes/store/store.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, findCluster, type Namespace, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

if (await have('a cluster', findCluster)) describe('what an environment keeps in a cluster', testStore);

function testStore(): void {
  const { signal } = new AbortController();
  const empty: Desired = { replicas: 2 };
  const traced: string[] = [];
  let cluster: Cluster;
  let here: Namespace;
  let place: Place;
  let api: Api;
  let store: Store;

  beforeAll(async () => {
    cluster = await openCluster();
    here = await cluster.makeNamespace();
    place = { project: 'shop', environment: 'staging', namespace: here.name };
    const trace = (line: string) => traced.push(line);
    api = openApi({ access: accessTo(cluster), namespace: here.name, trace });
    store = openStore({ api, place });
  }, 20 * minuteMs);

  afterAll(async () => {
    await here?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('the state is written over exactly what was read, and by one of two at once', async () => {
    expect(await store.readState(signal)).toBeUndefined();
    const first = await store.writeState({ desired: empty, token: 0 }, signal);

    const written = await Promise.allSettled(
      [1, 2].map((token) => store.writeState({ ...first, token }, signal)),
    );

    expect(written.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = written.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(refused.reason).toMatchObject({ status: 409 });
  });

  test('another environment in the namespace is refused', async () => {
    const other = openStore({ api, place: { ...place, project: 'cart' } });

    await expect(other.readState(signal)).rejects.toMatchObject({ code: 'namespace_taken' });
  });

  test('records fill one object after the other, each is written once, and all are listed in order', async () => {
    for (const id of ['c', 'a']) await store.history.append(fakeRecord(id));
    const filler = { data: { '00002.filler': 'x'.repeat(256 * 1024) } };
    await api.patch(kinds.configMap, 'shop-history-1', filler, { signal });

    for (const id of ['b', 'd', 'd']) await store.history.append(fakeRecord(id));

    expect((await store.readState(signal))?.history).toBe(2);
    expect((await store.history.list()).map(({ id }) => id)).toEqual(['c', 'a', 'b', 'd']);
  });

  test('a release keeps the bytes in which it was stored first, with its settings', async () => {
    const first = fakeStored('a');
    await store.storeRelease(first, signal);

    expect(await store.storeRelease({ ...first, template: '{}' }, signal)).toEqual(first);
    expect(await api.get(kinds.configMap, first.settings.name, signal)).toMatchObject({
      data: first.settings.data,
      immutable: true,
    });
  });

  test('secrets cannot be changed in their set, and their values are in no trace', async () => {
    const values = { TOKEN: 'amber-waves', OTHER: 'ü' };
    const set = await store.storeSecrets(values, { inUse: [], isFresh: false }, signal);

    expect(await store.storeSecrets(values, { inUse: [set], isFresh: false }, signal)).toBe(set);
    expect(await store.readSecrets(set ?? '', signal)).toEqual(values);
    const name = `shop-secrets-${set}`;
    await expect(
      api.patch(kinds.secret, name, { data: { TOKEN: 'AA==' } }, { signal }),
    ).rejects.toMatchObject({ reason: 'Invalid' });
    expect(traced.filter((line) => /amber|YW1iZXI/.test(line))).toEqual([]);
  });

  test('tidying up keeps what was stored a moment ago, and takes Jobs of rollouts that have ended', async () => {
    const { release } = fakeStored('a');
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: 'shop-command-x',
        labels: {
          [labels.name]: 'shop',
          [labels.managedBy]: 'causeway',
          [labels.environment]: 'staging',
          [labels.component]: 'command',
        },
      },
      spec: {
        suspend: true,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'service', image: 'none' }] } },
      },
    };
    await api.create(job, { signal });

    await store.tidy(empty, signal);

    expect(await store.readRelease(release.id, signal)).toBeDefined();
    expect((await api.list(kinds.job, {}, signal)).items.filter(isThere)).toEqual([]);
  });
}

function isThere({ metadata }: { readonly metadata?: { readonly deletionTimestamp?: string } }): boolean {
  return metadata?.deletionTimestamp === undefined;
}
