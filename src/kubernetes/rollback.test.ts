import { expect, test } from 'bun:test';
import { makeRecord } from '../core/record.ts';
import { kinds } from './api/kinds.ts';
import { fakeServed } from './fake-served.ts';
import { namesOf } from './manifests/names.ts';
import { rollBack } from './rollback.ts';
import type { StoredState } from './store/store.ts';
import { takeLease } from './target/lease.ts';

const { signal } = new AbortController();

async function serve() {
  const served = await fakeServed();
  const parts = { sayAgent: () => undefined, emit: () => undefined, trace: () => undefined, signal };
  return {
    ...served,
    back: (to?: string) => rollBack({ ...served, ...parts, request: { by: 'ada', ...(to ? { to } : {}) } }),
  };
}

test('with no other good release there is nothing to return to', async () => {
  const { back } = await serve();

  await expect(back()).rejects.toMatchObject({ code: 'nothing_to_roll_back' });
});

test('a release that never ran there is refused', async () => {
  const { back } = await serve();

  await expect(back('9f3c2a1')).rejects.toMatchObject({ code: 'release_not_found' });
});

test('an environment that is not up is refused', async () => {
  const { api, place, back } = await serve();
  await api.remove(kinds.configMap, namesOf(place).state, { signal });

  await expect(back()).rejects.toMatchObject({ code: 'environment_missing', message: 'staging is not up' });
});

test('a rollback to the same release that another drives is waited for', async () => {
  const { api, place, store, stable, back } = await serve();
  const about = {
    id: 'r1',
    kind: 'rollback',
    by: 'bob',
    startedAt: 1,
    release: stable.release.id,
    artifact: stable.release.artifact,
  } as const;
  const record = makeRecord({
    ...about,
    endedAt: 2,
    verdict: { kind: 'good' },
    traffic: { requests: 0, errors: 0, lost: 0, retried: 0 },
  });
  const bad = { ...stable, secretSet: 'another' };
  const candidate = { ...stable, size: 'all' } as const;
  const rollout = { ...about, command: 'none' } as const;
  await store.history.append({ ...record, id: 'r0', kind: 'deploy' });
  const { desired, ...found } = (await store.readState(signal)) as StoredState;
  const going = await store.writeState(
    { ...found, desired: { ...desired, stable: bad, candidate, rollout } },
    signal,
  );
  const holder = { by: 'bob', purpose: 'rollback' };
  const lease = await takeLease({ api, place, holder, signal, renewMs: 20 });

  const ended = back(stable.release.id.slice(0, 7));
  await store.history.append(record);
  await store.writeState({ ...going, desired: { ...desired, stable } }, signal);

  expect(await ended).toMatchObject({ kind: 'ended', record: { id: 'r1', verdict: { kind: 'good' } } });
  expect(lease.giveUp.aborted).toBe(false);
  await lease.release();
});
