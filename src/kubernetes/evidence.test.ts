import { expect, test } from 'bun:test';
import type { IPod } from 'kubernetes-models/v1';
import { fakeRelease } from '../core/fake-target.ts';
import { FakeApi } from './api/fake-api.ts';
import { findEvidence, podEvidence } from './evidence.ts';
import { labels, releaseLabel, selectorOf } from './manifests/names.ts';

const place = { project: 'shop', environment: 'test', namespace: 'shop' };
const { signal } = new AbortController();
const ended = { terminated: { exitCode: 1, reason: 'Error', containerID: 'containerd://first' } };

type Status = NonNullable<NonNullable<IPod['status']>['containerStatuses']>[number];

async function evidenceOf(status: Partial<Status>, printed: { now?: string; before?: string }) {
  const api = new FakeApi();
  if (printed.now !== undefined) api.logOf.set('shop-1', printed.now);
  if (printed.before !== undefined) api.logBefore.set('shop-1', printed.before);
  const pod: IPod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shop-1' },
    status: {
      containerStatuses: [
        { name: 'service', image: '', imageID: '', ready: false, restartCount: 0, ...status },
      ],
    },
  };
  return podEvidence({ api, place, pod, signal });
}

test('a container that ended has printed what its log holds', async () => {
  const evidence = await evidenceOf({ state: ended }, { now: 'fatal' });

  expect(evidence).toEqual({ exit: 'exit code 1', lines: ['fatal'] });
});

test('one that was started again since it was seen ended has printed what the log before holds', async () => {
  const evidence = await evidenceOf({ state: ended }, { now: 'listening', before: 'fatal' });

  expect(evidence.lines).toEqual(['fatal']);
});

test('one that runs again has printed what the log before its restart holds', async () => {
  const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };

  const evidence = await evidenceOf(
    { state, lastState: ended, restartCount: 1 },
    { now: 'listening', before: 'fatal' },
  );

  expect(evidence).toEqual({ exit: 'exit code 1', lines: ['fatal'] });
});

test('one that ended a second time has printed what its own log holds', async () => {
  const evidence = await evidenceOf(
    { state: ended, restartCount: 1 },
    { now: 'fatal again', before: 'fatal' },
  );

  expect(evidence.lines).toEqual(['fatal again']);
});

test('where the log before is gone, what it prints now is all there is', async () => {
  const evidence = await evidenceOf({ state: ended, restartCount: 0 }, { now: 'listening' });

  expect(evidence.lines).toEqual(['listening']);
});

test('of replicas that run, the one that failed most requests is shown, though another is not ready', async () => {
  const api = new FakeApi(place);
  const release = fakeRelease('bad');
  const own = { ...selectorOf(place), [labels.release]: releaseLabel(release.id) };
  for (const name of ['shop-1', 'shop-2', 'shop-3']) {
    const isReady = name === 'shop-1' ? 'False' : 'True';
    await api.create<IPod>(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: place.namespace, labels: own },
        status: { conditions: [{ type: 'Ready', status: isReady }] },
      },
      { signal },
    );
    api.logOf.set(name, `printed by ${name}`);
  }
  const errors: Record<string, number> = { 'shop-2': 3, 'shop-3': 31 };

  const evidence = await findEvidence({
    api,
    place,
    running: { release },
    errorsOf: (pod) => errors[pod] ?? 0,
    signal,
  });

  expect(evidence.lines).toEqual(['printed by shop-3']);
});

test('one that runs and never ended has printed what its log holds', async () => {
  const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };

  const evidence = await evidenceOf({ state }, { now: 'slow' });

  expect(evidence).toEqual({ lines: ['slow'] });
});
