import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeRelease } from '../../core/fake-target.ts';
import type { Desired, Rollout } from '../../core/rollout.ts';
import type { ReplicaState } from '../../core/target.ts';
import type { Remembered } from './pod-memory.ts';
import { type ClusterView, replicaStates, type StatesOptions } from './pods.ts';

/** As the recorded pods are labelled. */
const candidate = { release: { ...fakeRelease('bad'), id: `0123456789abcdef${'0'.repeat(48)}` } };
const desired: Desired = { replicas: 1, candidate: { ...candidate, size: 'one' } };

/** All of it has been seen for a while. */
const table: Record<string, Expected> = {
  good: ['ready'],
  'image-missing': [
    'starting',
    'image',
    `image registry.example.com/shop:1 is not in the registry (404 not found)`,
  ],
  'image-bad-digest': [
    'starting',
    'image',
    'image registry.example.com/shop@sha256:12ab12ab12ab… is not in the registry (404 not found)',
  ],
  'image-bad-digest-backing-off': [
    'starting',
    'image',
    'image registry.example.com/shop@sha256:12ab12ab12ab… is not in the registry (404 not found)',
  ],
  'image-no-registry-first-try': [
    'starting',
    'not yet image',
    'image registry.example.com/shop:1 cannot be pulled: dial tcp registry.example.com:443: connect: connection refused',
  ],
  'image-no-registry-second-try': [
    'starting',
    'image',
    'image registry.example.com/shop:1 cannot be pulled: dial tcp registry.example.com:443: connect: connection refused',
  ],
  'image-name-wrong': [
    'starting',
    'image',
    'image registry.example.com/shop@sha256:12 is not the name of an image',
  ],
  'crash-at-start': ['starting', 'crashed', 'exit code 1, twice'],
  'exit-zero-at-start': ['starting', 'exited', 'exit code 0, twice'],
  'crash-after-ready': ['ready', 'crashed', 'exit code 3 after 6.0 s'],
  'crash-after-ready-again': ['starting', 'crashed', 'exit code 3, twice'],
  'out-of-memory-at-start': [
    'starting',
    'out-of-memory',
    'took more than 64Mi of memory and was killed, twice',
  ],
  'out-of-memory-after-ready': ['ready', 'out-of-memory', 'took more than 64Mi of memory and was killed'],
  'config-map-missing': ['starting', 'config', 'ConfigMap shop-settings-none is missing'],
  'secret-key-missing': ['starting', 'config', 'Secret shop-secrets-a1 has no key TOKEN'],
  'root-user': ['starting', 'config', "it would run as root: container's runAsUser breaks non-root policy"],
  'command-missing': [
    'starting',
    'config',
    'its command cannot be started: "/nothing": stat /nothing: no such file or directory; image.base or service.files must bring it',
  ],
  unschedulable: [
    'starting',
    'not yet unschedulable',
    'no node has room for it: 0/1 nodes are available: 1 Insufficient cpu',
  ],
  'never-ready': ['starting', 'not yet never-ready', '/ answered 503'],
  'wrong-port': ['starting', 'not yet not-listening', 'nothing listens on port 8080'],
  'slow-start': ['starting'],
  hangs: ['starting', 'hung', 'its liveness path did not answer, and it was killed'],
  'startup-probe-exhausted': ['starting', 'never-ready', '/ answered 500, and it was killed, twice'],
  quota: [
    'starting',
    'refused',
    "the namespace's quota refused it: exceeded quota: small, requested: pods=1,requests.memory=64Mi, used: pods=0,requests.memory=0, limited: pods=0,requests.memory=32Mi",
  ],
  'pod-security': [
    'starting',
    'refused',
    'admission refused it: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)',
  ],
  admission: [
    'starting',
    'refused',
    'admission refused it: image is not among the digests that may run here',
  ],
  'node-not-ready': ['starting'],
};
type Expected = readonly [phase: ReplicaState['phase'], cause?: string, message?: string];

describe('a replica is known by its pod as it was recorded', () => {
  for (const [name, expected] of Object.entries(table)) {
    test(name, () => {
      const memory = remembered(name.includes('after-ready') ? { ready: 0 } : {});

      const states = look(name, { memory });

      expect(states).toHaveLength(1);
      const [{ phase, trouble, key } = { phase: 'none' }] = states;
      const cause = trouble && `${trouble.isConclusive ? '' : 'not yet '}${trouble.cause}`;
      expect([phase, ...(trouble ? [cause, trouble.message] : [])]).toEqual([...expected]);
      expect(key).toBe(candidate.release.id);
    });
  }
});

test('a pod that was deleted by hand drains without blame while it runs, and the one that takes its place starts', () => {
  const view = recorded('deleted-by-hand');
  const ended = look('deleted-by-hand');
  Object.assign(view.pods[0]?.status?.containerStatuses?.[0] ?? {}, { state: { running: {} } });

  const states = look(view);

  expect(states.map(({ phase, trouble }) => [phase, trouble])).toEqual([
    ['draining', undefined],
    ['starting', undefined],
  ]);
  expect(ended.map(({ phase, trouble }) => [phase, trouble])).toEqual([['starting', undefined]]);
});

test.each<[name: string, left: readonly ReplicaState['phase'][]]>([
  ['crash-at-start', []],
  ['image-missing', []],
  ['config-map-missing', []],
  ['good', ['draining']],
  ['slow-start', ['draining']],
])('a pod that leaves is none once nothing of it runs or is about to: %s', (name, left) => {
  const view = recorded(name);
  for (const { metadata } of view.pods) Object.assign(metadata ?? {}, { deletionTimestamp: 'now' });

  const states = look({ ...view, replicaSets: [] }, { desired: { replicas: 1 } });

  expect(states.map(({ phase }) => phase)).toEqual([...left]);
});

test('a pod that leaves before its container is made drains', () => {
  const view = recorded('crash-at-start');
  for (const { metadata, status } of view.pods) {
    Object.assign(metadata ?? {}, { deletionTimestamp: 'now' });
    const waiting = { reason: 'ContainerCreating' };
    for (const container of status?.containerStatuses ?? []) Object.assign(container, { state: { waiting } });
  }

  expect(look({ ...view, replicaSets: [] }).map(({ phase }) => phase)).toEqual(['draining']);
});

test('an evicted pod is none, and its ReplicaSet owes another', () => {
  expect(look('evicted').map(({ phase, id }) => [phase, id.split('-').length])).toEqual([['draining', 2]]);
});

test('what may still appear is given a second look before it is conclusive', () => {
  for (const name of ['config-map-missing', 'secret-key-missing', 'quota', 'admission', 'pod-security']) {
    const early = look(name, { memory: remembered({ standsMs: 0 }) });

    expect(early.map(({ trouble }) => trouble?.isConclusive)).toEqual([false]);
  }
});

test('a container runtime that is restarted says nothing of what it was to start', () => {
  const lost = 'error reading from server: read unix @->/run/containerd.sock: connection reset by peer';
  const view = recorded('command-missing');
  const [pod] = view.pods;
  const [status] = pod?.status?.containerStatuses ?? [];
  const { waiting } = status?.state ?? {};
  const { terminated } = status?.lastState ?? {};
  if (!status || !waiting || !terminated) throw new Error('it was recorded otherwise');
  waiting.message = lost;
  terminated.message = lost;

  const [starting] = look(view);
  status.state = { running: { startedAt: '2026-11-23T22:28:41Z' } };
  const [started] = look(view);

  expect(starting?.trouble).toMatchObject({ isConclusive: false });
  expect(starting?.trouble?.message).toStartWith(
    'the node’s container runtime did not answer: error reading',
  );
  expect([started?.restarts, started?.trouble?.isConclusive]).toEqual([0, false]);
});

test('what somebody took away may be put back: until then it is no fault of the release', () => {
  for (const said of [
    "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
    'error looking up service account shop-staging/shop: serviceaccount "shop" not found',
  ]) {
    const view = recorded('admission');
    for (const { status } of view.replicaSets) {
      for (const condition of status?.conditions ?? [])
        condition.message = `pods "shop-1" is forbidden: ${said}`;
    }
    const after = (standsMs: number) =>
      look(view, { memory: remembered({ standsMs }) })[0]?.trouble?.isConclusive;

    expect([after(9_000), after(10_000)]).toEqual([false, true]);
  }
});

test('a quota has room again once those have ended that give way', () => {
  const rollout = { id: 'r1' } as Rollout;
  const stable = { release: fakeRelease('good') };
  const giving: Desired = { ...desired, replicas: 2, surge: 'none', stable, rollout };

  const [{ trouble } = {}] = look('quota', { desired: giving });
  const [{ trouble: otherwise } = {}] = look('admission', { desired: giving });

  expect([trouble?.cause, trouble?.isConclusive]).toEqual(['refused', false]);
  expect(otherwise?.isConclusive).toBe(true);
});

test('a quota has room again once those are gone that leave', () => {
  const [pod] = recorded('crash-at-start').pods;
  Object.assign(pod?.metadata ?? {}, { deletionTimestamp: 'now' });

  const [{ trouble } = {}] = look({ ...recorded('quota'), pods: pod ? [pod] : [] });

  expect([trouble?.cause, trouble?.isConclusive]).toEqual(['refused', false]);
});

test('one end before it was ever ready is a hiccup', () => {
  const view = recorded('crash-at-start');
  const [pod] = view.pods;
  const [status] = pod?.status?.containerStatuses ?? [];
  if (!status) throw new Error('the fixture has no container');
  Object.assign(status, { restartCount: 0 });

  const [{ trouble, restarts } = { restarts: -1 }] = look(view);

  expect(trouble).toMatchObject({ cause: 'crashed', isConclusive: false });
  expect(restarts).toBe(0);
});

test('an end before it was ready is forgiven once it is ready', () => {
  const view = recorded('good');
  const [status] = view.pods[0]?.status?.containerStatuses ?? [];
  const terminated = { exitCode: 1, reason: 'Error' };
  Object.assign(status ?? {}, { restartCount: 1, lastState: { terminated } });

  const [state] = look(view, { memory: remembered({ ready: 1 }) });

  expect(state).toMatchObject({ phase: 'ready', restarts: 0 });
  expect(state?.trouble).toBeUndefined();
});

test('a ready candidate counts as ready only when it is watched', () => {
  expect(look('good', { isWatched: false })[0]?.phase).toBe('starting');
});

test('what others made of the template is no replica of the release', () => {
  const restarted = recorded('good');
  for (const { metadata } of restarted.pods)
    Object.assign(metadata ?? {}, { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } });

  const images = new Map([[candidate.release.id, 'registry.example.com/shop@sha256:another']]);

  expect(look(restarted)[0]?.key).not.toBe(candidate.release.id);
  expect(look('good', { images })[0]?.key).not.toBe(candidate.release.id);
});

test('a replica whose image a webhook has pulled from a mirror is one of its release', () => {
  const view = recorded('good');
  for (const { spec } of view.pods)
    for (const one of spec?.containers ?? []) one.image = 'mirror.example.com/shop@sha256:same';
  const images = new Map([[candidate.release.id, 'registry.example.com/shop@sha256:same']]);

  expect(look(view, { images })[0]?.key).toBe(candidate.release.id);
});

test.each<[string, object, string]>([
  ['not ready', { ready: false, state: { running: {} } }, 'it is not ready'],
  [
    'without its image',
    { ready: false, state: { waiting: { reason: 'ImagePullBackOff' } } },
    'ImagePullBackOff',
  ],
  [
    'in a crash loop',
    { ready: false, state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } } },
    'CrashLoopBackOff: back-off 10s',
  ],
])('what a webhook put beside a replica is named where it is %s', (_what, status, why) => {
  const view = recorded('good');
  for (const pod of view.pods) {
    for (const condition of pod.status?.conditions ?? [])
      if (condition.type === 'Ready') condition.status = 'False';
    const proxy = { name: 'mesh-proxy', image: 'mesh', imageID: '', restartCount: 0, ...status };
    Object.assign(pod.status ?? {}, {
      containerStatuses: [...(pod.status?.containerStatuses ?? []), proxy],
    });
  }

  expect(look(view)[0]?.trouble).toEqual({
    cause: 'never-ready',
    message: `container mesh-proxy, which is not the release’s: ${why}`,
    isConclusive: false,
  });
});

test('a change that the controllers have not acted on yet keeps the environment from being settled', () => {
  const taken: Desired = { replicas: 1, stable: candidate };

  expect(look('good', { desired: taken, generation: 9 }).map(({ phase }) => phase)).toEqual([
    'ready',
    'draining',
  ]);
});

function look(name: string | ClusterView, options: Partial<StatesOptions> = {}): readonly ReplicaState[] {
  const view = typeof name === 'string' ? recorded(name) : name;
  return replicaStates({
    ...view,
    desired,
    memory: remembered({}),
    images: new Map(),
    isWatched: true,
    generation: 0,
    ...options,
  });
}

function remembered({ standsMs = 5_000, ready }: { standsMs?: number; ready?: number }): Remembered {
  return { endsWhenReady: () => ready, standsMs: () => standsMs };
}

function recorded(name: string): ClusterView {
  return JSON.parse(readFileSync(join(import.meta.dir, 'fixtures', `${name}.json`), 'utf8'));
}
