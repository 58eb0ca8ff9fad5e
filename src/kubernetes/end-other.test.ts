import { expect, test } from 'bun:test';
import type { RolloutEvent } from '../core/event.ts';
import { makeRecord, type RolloutRecord } from '../core/record.ts';
import type { Rollout } from '../core/rollout.ts';
import { FakeApi } from './api/fake-api.ts';
import { awaitOther, endOther } from './end-other.ts';
import { openStore } from './store/open-store.ts';
import type { StoredState } from './store/store.ts';
import { takeLease } from './target/lease.ts';

const place = { project: 'shop', environment: 'prod', namespace: 'shop-prod' };
const rollout: Rollout = {
  id: 'r1',
  kind: 'deploy',
  by: 'ada',
  startedAt: 1,
  release: 'a'.repeat(64),
  artifact: 'sha256:a',
  command: 'none',
};
const record: RolloutRecord = makeRecord({
  ...rollout,
  endedAt: 2,
  verdict: { kind: 'failed', cause: 'interrupted', message: 'taken out by bob' },
  traffic: { requests: 0, errors: 0, lost: 0, retried: 0 },
});
const { signal } = new AbortController();

async function cluster() {
  const api = new FakeApi(place);
  const store = openStore({ api, place });
  await store.writeState({ desired: { replicas: 2, rollout }, token: 1 }, signal);
  const events: RolloutEvent[] = [];
  const emit = (event: RolloutEvent) => void events.push(event);
  return { api, store, events, about: { api, place, store, rollout, by: 'bob', emit, signal } };
}

test('who drives the rollout is asked to take it out, and its end is waited for', async () => {
  const { api, store, events, about } = await cluster();
  const lease = await takeLease({
    api,
    place,
    holder: { by: 'ada', purpose: 'deploy' },
    signal,
    renewMs: 20,
  });
  lease.giveUp.addEventListener('abort', async () => {
    await store.history.append(record);
    const state = (await store.readState(signal)) as StoredState;
    await store.writeState({ ...state, desired: { replicas: 2 } }, signal);
  });

  const outcome = await endOther(about, async () => {
    throw new Error('it is driven by another');
  });

  expect(lease.giveUp.reason).toBe('taken out by bob');
  expect(outcome).toMatchObject({ kind: 'ended', record: { id: 'r1' } });
  expect(events.map(({ kind }) => kind)).toEqual(['judged']);
  await lease.release();
});

test('where nobody drives it any more, it is taken out from here', async () => {
  const { about } = await cluster();
  let isDriven = false;

  const outcome = await endOther(about, async () => {
    isDriven = true;
    return { kind: 'ended', record };
  });

  expect(isDriven).toBe(true);
  expect(outcome.kind).toBe('ended');
});

test('one that shall go on is waited for, and nothing is asked of who drives it', async () => {
  const { api, store, events, about } = await cluster();
  const holder = { by: 'ada', purpose: 'rollback' };
  const lease = await takeLease({ api, place, holder, signal, renewMs: 20 });

  const ended = awaitOther(about);
  await store.history.append({ ...record, verdict: { kind: 'good' } });
  const state = (await store.readState(signal)) as StoredState;
  await store.writeState({ ...state, desired: { replicas: 2 } }, signal);

  expect(await ended).toMatchObject({ kind: 'ended', record: { id: 'r1', verdict: { kind: 'good' } } });
  expect(events).toEqual([{ kind: 'judged', judgement: { kind: 'good' } }]);
  expect(lease.giveUp.aborted).toBe(false);
  await lease.release();
});

test('one that nobody drives any more is not waited for', async () => {
  const { events, about } = await cluster();

  expect(await awaitOther(about)).toBeUndefined();
  expect(events).toEqual([]);
});
