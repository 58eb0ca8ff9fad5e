import { expect, test } from 'bun:test';
import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPod } from 'kubernetes-models/v1';
import { fakeRelease } from '../../core/fake-target.ts';
import type { Desired } from '../../core/rollout.ts';
import { labels, releaseLabel } from '../manifests/names.ts';
import { PodDisturbances } from './pod-disturbances.ts';

const stable = { release: fakeRelease('a') };
const candidate = { release: fakeRelease('b'), size: 'one' as const };
const rollout = {
  id: 'r1',
  kind: 'deploy',
  by: 'ada',
  startedAt: 0,
  command: 'none',
  release: candidate.release.id,
  artifact: candidate.release.artifact,
} as const;
const desired: Desired = { replicas: 2, stable, candidate, rollout };
const pods = [pod('s-1', stable), pod('s-2', stable), pod('c-1', candidate)];

test('a pod of the stable release or of the candidate that goes was deleted, and is told once', () => {
  const { see } = watch();
  see(desired, pods);

  see(desired, pods.slice(1));
  const told = see(desired, [pods[1] as IPod, leaving('c-1', candidate)]);

  expect(told).toEqual(['stable replica s-1 was deleted']);
  expect(see(desired, [pods[1] as IPod])).toEqual([
    'stable replica s-1 was deleted',
    'candidate replica c-1 was deleted',
  ]);
});

test('one that was evicted is told so', () => {
  const { see } = watch();
  see(desired, pods);
  const evicted = leaving('s-1', stable, { conditions: [{ type: 'DisruptionTarget', status: 'True' }] });

  see(desired, [evicted, ...pods.slice(1)]);

  expect(see(desired, [evicted, ...pods.slice(1)])).toEqual(['stable replica s-1 was evicted']);
});

test('a stable replica that ended and was started again is told with its exit code', () => {
  const { see } = watch();
  see(desired, pods);

  const again = pod('s-1', stable, {
    containerStatuses: [
      {
        name: 'service',
        restartCount: 1,
        state: { running: {} },
        lastState: { terminated: { exitCode: 137 } },
      },
    ],
  });

  expect(see(desired, [again])).toEqual([
    'stable replica s-1 ended with exit code 137 and was started again',
  ]);
});

test.each([
  ['its ReplicaSet wants fewer, even if that is told later', desired, 1],
  ['its release is taken out', { replicas: 2, stable: candidate, rollout }, 2],
  ['it gives way to the candidate', { ...desired, surge: 'one' as const }, 2],
])('a pod that goes as %s is no disturbance', (_, then: Desired, wanted) => {
  const { see } = watch();
  see(desired, pods);

  see(then, pods.slice(1));

  expect(see(then, pods.slice(1), wanted)).toEqual([]);
});

test('what befell the rollout before is not told of the next', () => {
  const { see } = watch();
  see(desired, pods);
  see(desired, pods.slice(1));
  see(desired, pods.slice(1));

  expect(see({ ...desired, rollout: { ...rollout, id: 'r2' } }, pods.slice(1))).toEqual([]);
});

/** Each look is as long after the one before as it takes to be sure. */
function watch() {
  let now = 0;
  const disturbances = new PodDisturbances({ now: () => now, settleMs: 500 });
  return {
    see(then: Desired, pods: readonly IPod[], wanted = 2) {
      now += 500;
      const replicaSets = [set(stable, wanted), set(candidate, wanted)];
      return disturbances.see(then, { deployment: undefined, replicaSets, pods, events: [] });
    },
  };
}

interface Of {
  readonly release: { readonly id: string };
}

function pod(name: string, { release }: Of, status: object = {}): IPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      labels: { [labels.release]: releaseLabel(release.id) },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: '', uid: release.id, controller: true },
      ],
    },
    status,
  } as IPod;
}

function leaving(name: string, of: Of, status: object = {}): IPod {
  const { metadata, ...rest } = pod(name, of, status);
  return { ...rest, metadata: { ...metadata, deletionTimestamp: '2026-11-30T00:00:00Z' } } as IPod;
}

function set({ release }: Of, replicas: number): IReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: release.id, uid: release.id },
    spec: { replicas, selector: {}, template: {} },
  } as IReplicaSet;
}
