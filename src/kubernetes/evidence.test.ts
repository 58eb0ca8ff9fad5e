import { expect, test } from 'bun:test';
import type { IPod } from 'kubernetes-models/v1';
import { FakeApi } from './api/fake-api.ts';
import { podEvidence } from './evidence.ts';

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

test('one that runs and never ended has printed what its log holds', async () => {
  const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };

  const evidence = await evidenceOf({ state }, { now: 'slow' });

  expect(evidence).toEqual({ lines: ['slow'] });
});
