import { describe, expect, test } from 'bun:test';
import { UnreachableError } from '../../core/errors.ts';
import { fakeRelease } from '../../core/fake-target.ts';
import type { Desired } from '../../core/rollout.ts';
import { FakeApi } from '../api/fake-api.ts';
import { refusal } from '../api/fake-patch.ts';
import { type KubernetesObject, kinds } from '../api/kinds.ts';
import { labels, metadataOf, namesOf } from '../manifests/names.ts';
import { fakeRecord, fakeStored, fakePlace as place } from './fake-stored.ts';
import { openStore } from './open-store.ts';

const { signal } = new AbortController();
const empty: Desired = { replicas: 2 };
const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();

function open() {
  const api = new FakeApi();
  return { api, store: openStore({ api, place }) };
}

async function openMade() {
  const opened = open();
  return { ...opened, state: await opened.store.writeState({ desired: empty, token: 0 }, signal) };
}

describe('the state', () => {
  test('is nothing before it is written, and then what was written', async () => {
    const { store } = open();
    expect(await store.readState(signal)).toBeUndefined();

    const written = await store.writeState(
      { desired: empty, token: 3, agentImage: 'agent@sha256:1' },
      signal,
    );

    expect(written).toMatchObject({ desired: empty, token: 3, history: 1, agentImage: 'agent@sha256:1' });
    expect(await store.readState(signal)).toEqual(written);
  });

  test('is written over exactly what was read, and refused where somebody wrote meanwhile', async () => {
    const { store, state } = await openMade();

    await store.writeState({ ...state, token: 1 }, signal);

    await expect(store.writeState({ ...state, token: 2 }, signal)).rejects.toMatchObject({ status: 409 });
    expect(await store.readState(signal)).toMatchObject({ token: 1 });
  });

  test('loses the agent’s image when it is written without one', async () => {
    const { store } = open();
    const { agentImage: _, ...state } = await store.writeState(
      { desired: empty, token: 1, agentImage: 'agent@sha256:1' },
      signal,
    );

    await store.writeState(state, signal);

    expect(await store.readState(signal)).not.toHaveProperty('agentImage');
  });

  test('of a newer Causeway is refused, and not taken for damaged', async () => {
    const { api, store } = await openMade();
    await api.patch(kinds.configMap, 'shop-state', { data: { schemaVersion: '2' } }, { signal });

    await expect(store.readState(signal)).rejects.toMatchObject({
      code: 'state_corrupt',
      message: 'ConfigMap shop-staging/shop-state has schema version 2, and this Causeway knows 1',
      hint: 'use the Causeway that wrote it, or a newer one',
    });
  });

  test('that somebody edited into something else is told, and not taken for none', async () => {
    const { api, store } = await openMade();
    await api.patch(kinds.configMap, 'shop-state', { data: { desired: '{"replicas":' } }, { signal });

    await expect(store.readState(signal)).rejects.toMatchObject({ code: 'state_corrupt' });
  });

  test('of another project or environment in the namespace is left alone', async () => {
    const { api } = await openMade();
    const others = [
      { ...place, project: 'cart' },
      { ...place, environment: 'production' },
    ];
    const said = await Promise.all(
      others.map((other) =>
        openStore({ api, place: other })
          .readState(signal)
          .catch((error: unknown) => error),
      ),
    );

    expect(said).toMatchObject([
      { code: 'namespace_taken', message: 'namespace shop-staging holds staging of project shop' },
      { code: 'namespace_taken', message: 'ConfigMap shop-staging/shop-state belongs to shop staging' },
    ]);
  });
});

describe('records', () => {
  test('are listed in the order in which they were written, whatever the clocks of their writers say', async () => {
    const { store } = await openMade();
    const late = { ...fakeRecord('zz'), startedAt: 9_000_000 };

    for (const record of [late, fakeRecord('b'), fakeRecord('a')]) await store.history.append(record);

    expect((await store.history.list()).map(({ id }) => id)).toEqual(['zz', 'b', 'a']);
  });

  test('are written once, though the answer was lost and it is asked again', async () => {
    const { api, store } = await openMade();
    const lost = new UnreachableError({ code: 'environment_unreachable', message: 'cut', hint: 'again' });
    api.after = ({ verb }) => {
      if (verb === 'patch') throw lost;
    };
    await expect(store.history.append(fakeRecord('a'))).rejects.toBe(lost);
    api.after = () => undefined;

    await store.history.append(fakeRecord('a'));

    const segment = api.all(kinds.configMap).find(({ metadata }) => metadata?.name === 'shop-history-1');
    expect(Object.keys(segment?.data ?? {})).toEqual(['00000.a']);
    expect(await store.history.list()).toHaveLength(1);
  });

  test('fill one object after the other, and the newest is enough to say since when the stable one serves', async () => {
    const { api, store, state } = await openMade();
    const [stable, other] = [fakeRelease('stable'), fakeRelease('other')];
    await store.history.append(fakeRecord('0000', { release: stable }));
    const many = Array.from({ length: 700 }, (_, n) =>
      fakeRecord(`r${n}`, { release: other, isGood: false }),
    );
    for (const record of many) await store.history.append(record);
    const desired = { ...empty, stable: { release: stable } };

    const moved = await store.readState(signal);
    const latest = await store.latestRecords({ ...state, history: moved?.history ?? 0, desired }, signal);

    expect(moved?.history).toBe(2);
    expect(await store.history.list()).toHaveLength(701);
    expect(latest[0]?.id).toBe('0000');
    expect(await store.latestRecords({ ...state, history: 2 }, signal)).not.toHaveLength(701);
    expect(await store.newestRecords({ ...state, history: 2 }, 1, signal)).not.toHaveLength(701);
    for (const { data } of api
      .all(kinds.configMap)
      .filter(({ metadata }) => /history/.test(metadata?.name ?? '')))
      expect(JSON.stringify(data).length).toBeLessThan(400 * 1024);
  });

  test('an object that others follow is read once, and by the next where who asked first was cut off', async () => {
    const { api, store, state } = await openMade();
    for (let n = 0; n < 700; n += 1) await store.history.append(fakeRecord(`r${n}`, { isGood: false }));
    const desired = { ...empty, stable: { release: fakeRelease('stable') } };
    const latest = () => store.latestRecords({ ...state, history: 2, desired }, signal);
    const asked: string[] = [];
    let failures = 1;
    api.before = ({ verb, name }) => {
      if (verb === 'get') asked.push(name);
      if (name === 'shop-history-1' && failures-- > 0) throw new Error('interrupted');
    };

    const [first, second] = await Promise.allSettled([latest(), latest()]);
    await latest();
    await latest();

    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
    expect(asked.filter((name) => name === 'shop-history-1')).toHaveLength(3);
    expect(asked.filter((name) => name === 'shop-history-2')).toHaveLength(4);
  });

  test('of the newest, those that tell the revision of an earlier deploy are read as well', async () => {
    const { store, state } = await openMade();
    const [wanted, other] = [fakeRelease('wanted'), fakeRelease('other')];
    await store.history.append(fakeRecord('deploy', { release: wanted }));
    for (let n = 0; n < 700; n += 1) await store.history.append(fakeRecord(`r${n}`, { release: other }));
    const { revision: _, ...rollback } = fakeRecord('rollback', { release: wanted });
    await store.history.append(rollback);

    const moved = await store.readState(signal);
    const newest = await store.newestRecords({ ...state, history: moved?.history ?? 0 }, 1, signal);

    expect(newest.at(-1)).toEqual(rollback);
    expect(newest[0]?.id).toBe('deploy');
  });

  test('go on in the present object where a new one may not be made', async () => {
    const { api, store } = await openMade();
    const big = 'x'.repeat(256 * 1024);
    await api.patch(kinds.configMap, 'shop-history-1', { data: { filler: big } }, { signal });
    api.before = ({ verb }) => {
      if (verb === 'create') throw refusal(403, 'Forbidden', 'may not create configmaps');
    };

    await store.history.append(fakeRecord('a'));

    expect((await store.history.list()).map(({ id }) => id)).toEqual(['a']);
  });

  test('that are damaged do not hide the others', async () => {
    const { api, store } = await openMade();
    await store.history.append(fakeRecord('a'));
    await api.patch(kinds.configMap, 'shop-history-1', { data: { '00001.b': '{"id":' } }, { signal });

    expect((await store.history.list()).map(({ id }) => id)).toEqual(['a']);
  });

  test('are written though the object of the records is gone', async () => {
    const { api, store } = await openMade();
    await api.remove(kinds.configMap, 'shop-history-1', { signal });

    await store.history.append(fakeRecord('a'));

    expect(await store.history.list()).toHaveLength(1);
  });
});

describe('records of an earlier environment', () => {
  const texts = (...ids: readonly string[]) => ids.map((id) => JSON.stringify(fakeRecord(id)));

  test('stand before all new ones, in their order', async () => {
    const { store } = open();

    const taken = await store.takeIn(texts('zz', 'b'), signal);
    await store.writeState({ desired: empty, token: 0 }, signal);
    await store.history.append(fakeRecord('a'));

    expect(taken).toBe(2);
    expect((await store.history.list()).map(({ id }) => id)).toEqual(['zz', 'b', 'a']);
  });

  test('fill as many objects as they need, and new ones go on after the last', async () => {
    const { api, store } = open();
    const ids = Array.from({ length: 1_000 }, (_, n) => `r${n}`);

    await store.takeIn(texts(...ids), signal);
    const state = await store.writeState({ desired: empty, token: 0 }, signal);
    await store.history.append(fakeRecord('new'));

    expect((await store.history.list()).map(({ id }) => id)).toEqual([...ids, 'new']);
    expect(state.history).toBe(2);
    expect((await store.newestRecords(state, 1, signal)).at(-1)?.id).toBe('new');
    for (const { data } of api.all(kinds.configMap))
      expect(JSON.stringify(data).length).toBeLessThan(400 * 1024);
  });

  test('are not taken in where a history has begun', async () => {
    const { store } = await openMade();
    await store.history.append(fakeRecord('a'));

    expect(await store.takeIn(texts('b'), signal)).toBe(0);
    expect((await store.history.list()).map(({ id }) => id)).toEqual(['a']);
  });

  test('are taken in whole when it was cut off the first time', async () => {
    const { api, store } = open();
    const ids = Array.from({ length: 1_000 }, (_, n) => `r${n}`);
    api.before = ({ verb, name }) => {
      if (verb === 'create' && name === 'shop-history-1') throw new Error('killed');
    };
    await expect(store.takeIn(texts(...ids), signal)).rejects.toThrow('killed');
    api.before = () => undefined;

    await store.takeIn(texts(...ids), signal);
    await store.writeState({ desired: empty, token: 0 }, signal);

    expect((await store.history.list()).map(({ id }) => id)).toEqual(ids);
  });

  test('are each taken once, and what is no record is left out', async () => {
    const { store } = open();

    const taken = await store.takeIn([...texts('a', 'a'), '{"id":"not a key"}', '{', 'null'], signal);

    expect(taken).toBe(1);
  });

  test('name releases that are kept no more', async () => {
    const { store } = open();
    await store.takeIn(texts('a'), signal);
    const kept = await store.storeRelease(fakeStored('kept'), signal);

    const keeps = await store.keptReleases(signal);

    expect([keeps(kept.release.id), keeps(fakeRelease('a').id)]).toEqual([true, false]);
  });
});

describe('releases', () => {
  test('keep the bytes in which they were stored first', async () => {
    const { api, store } = open();
    const first = fakeStored('a');

    const again = await store.storeRelease(first, signal).then(() => {
      return store.storeRelease({ ...first, template: '{}' }, signal);
    });

    expect(again).toEqual(first);
    expect(await store.readRelease(first.release.id, signal)).toEqual(first);
    expect(await store.history.release(first.release.id)).toEqual(first.release);
    expect(await api.get(kinds.configMap, first.settings.name, signal)).toMatchObject({ immutable: true });
  });

  test('are stored anew when their image is pulled from elsewhere, unless they run', async () => {
    const { api, store } = open();
    const [wrong, other] = [fakeStored('a'), fakeStored('a', { image: 'elsewhere' })];
    const secret = { spec: { imagePullSecrets: [{ name: 'registry' }] } };
    const bySecret = { ...other, template: JSON.stringify(secret) };
    await store.storeRelease(wrong, signal);

    const again = await store.storeRelease(other, signal);
    const kept = await store.keepRelease(other.release.id, bySecret, signal);
    await store.writeState(
      { desired: { replicas: 2, stable: { release: other.release } }, token: 0 },
      signal,
    );
    const running = await store.storeRelease(wrong, signal);

    expect([again, kept, running]).toEqual([other, bySecret, bySecret]);
    expect(await api.get(kinds.configMap, other.settings.name, signal)).toBeDefined();
  });

  test('get their settings back when somebody deleted those', async () => {
    const { api, store } = open();
    const stored = await store.storeRelease(fakeStored('a'), signal);
    await api.remove(kinds.configMap, stored.settings.name, { signal });

    await store.storeRelease(stored, signal);

    expect(await api.get(kinds.configMap, stored.settings.name, signal)).toMatchObject({
      data: { PORT: '8080' },
    });
  });

  test('are nothing where they were never stored, and are told where they cannot be read', async () => {
    const { api, store } = open();
    const { id } = fakeRelease('a');
    expect(await store.readRelease(id, signal)).toBeUndefined();
    const name = namesOf(place).release(id);
    api.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadataOf(place, 'state', name) });

    await expect(store.readRelease(id, signal)).rejects.toMatchObject({ code: 'state_corrupt' });
  });
});

describe('secrets', () => {
  test('with the same values keep their set, under a name that says nothing of them', async () => {
    const { store } = open();
    const none = { inUse: [], isFresh: false };
    const first = await store.storeSecrets({ A: '1', B: 'ü' }, none, signal);

    const same = await store.storeSecrets(
      { B: 'ü', A: '1' },
      { inUse: [undefined, first], isFresh: false },
      signal,
    );
    const other = await store.storeSecrets({ A: '2' }, { inUse: [first], isFresh: false }, signal);
    const fresh = await store.storeSecrets({ A: '1', B: 'ü' }, { inUse: [first], isFresh: true }, signal);

    expect(first).toMatch(/^[0-9a-f]{12}$/);
    expect(same).toBe(first);
    expect(new Set([first, other, fresh]).size).toBe(3);
    expect(await store.readSecrets(first ?? '', signal)).toEqual({ A: '1', B: 'ü' });
    expect(await store.readSecrets('gone', signal)).toBeUndefined();
  });

  test('are no set where there are none, but where a set of its own is asked for', async () => {
    const { store } = open();

    expect(await store.storeSecrets({}, { inUse: [], isFresh: false }, signal)).toBeUndefined();
    expect(await store.storeSecrets({}, { inUse: [], isFresh: true }, signal)).toBeDefined();
  });

  test('are never in what is said when the cluster refuses them', async () => {
    const { api, store } = open();
    api.before = () => {
      throw refusal(400, 'Invalid', `a webhook saw amber and ${Buffer.from('amber').toString('base64')}`);
    };

    const said = await store
      .storeSecrets({ TOKEN: 'amber' }, { inUse: [], isFresh: false }, signal)
      .catch((error: unknown) => error);

    expect(said).toMatchObject({ message: 'a webhook saw [redacted] and [redacted]' });
  });
});

describe('tidying up', () => {
  test('keeps what is in use, the last 20 good releases and what was stored a moment ago', async () => {
    const { api, store } = await openMade();
    const stored = Array.from({ length: 24 }, (_, n) =>
      fakeStored(`r${n}`, { image: `shop@sha256:${digest(n)}` }),
    );
    for (const one of stored) await store.storeRelease(one, signal);
    for (const [n, { release }] of stored.entries())
      await store.history.append(fakeRecord(`r${n}`, { release, isGood: n < 23 }));
    const sets = await Promise.all(
      ['a', 'b'].map((value) => store.storeSecrets({ A: value }, { inUse: [], isFresh: false }, signal)),
    );
    grow(api);
    const recent = await store.storeRelease(fakeStored('recent'), signal);
    const digests = stored.map((_, n) => digest(n));
    api.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadataOf(place, 'state', 'shop-admitted'),
      data: Object.fromEntries(digests.map((key) => [key, ''])),
    });
    api.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: metadataOf(place, 'service', 'shop-1'),
      spec: { containers: [{ name: 'service', image: `shop@sha256:${digest(23)}` }] },
    });
    api.put({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: metadataOf(place, 'command', 'shop-command-x'),
    });
    const [used] = sets;
    const stable = {
      release: stored[0]?.release ?? fakeRelease('none'),
      ...(used ? { secretSet: used } : {}),
    };
    const state = await store.readState(signal);
    if (state) await store.writeState({ ...state, desired: { ...empty, stable } }, signal);

    await store.tidy({ ...empty, stable }, signal);

    const left = api
      .all(kinds.configMap)
      .filter(({ metadata }) => metadata?.labels?.[labels.keeps] === 'release');
    const kept = [0, ...Array.from({ length: 20 }, (_, n) => n + 3)].map((n) => stored[n]?.release.id ?? '');
    expect(left.map(({ metadata }) => metadata?.name).sort()).toEqual(
      [...kept, recent.release.id].map((id) => namesOf(place).release(id)).sort(),
    );
    expect(api.all(kinds.secret).map(({ metadata }) => metadata?.name)).toEqual([`shop-secrets-${used}`]);
    const admitted = await api.get(kinds.configMap, 'shop-admitted', signal);
    expect(Object.keys(admitted?.data ?? {}).sort()).toEqual(
      [0, ...Array.from({ length: 21 }, (_, n) => n + 3)].map(digest).sort(),
    );
    expect(api.all(kinds.job)).toEqual([]);
  });

  test('leaves all as it is once another command has begun a rollout', async () => {
    const { api, store, state } = await openMade();
    await store.storeRelease(fakeStored('a'), signal);
    grow(api);
    const rollout = {
      id: 'r1',
      kind: 'deploy',
      by: 'ada',
      startedAt: 1,
      release: 'a',
      artifact: 'a',
      command: 'none',
    } as const;
    await store.writeState({ ...state, desired: { ...empty, rollout } }, signal);

    await store.tidy(empty, signal);

    expect(await store.readRelease(fakeRelease('a').id, signal)).toBeDefined();
  });
});

function digest(n: number): string {
  return String(n).padStart(64, 'a');
}

/** Everything was stored an hour ago. */
function grow(api: FakeApi): void {
  for (const object of [...api.all(kinds.configMap), ...api.all(kinds.secret)].filter(isNoState))
    api.put({ ...object, metadata: { ...object.metadata, creationTimestamp: anHourAgo } } as typeof object);
}

function isNoState({ metadata }: KubernetesObject): boolean {
  return metadata?.labels?.[labels.keeps] !== 'state';
}
