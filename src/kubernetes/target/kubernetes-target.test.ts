import { afterEach, describe, expect, test } from 'bun:test';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IService, IServiceAccount } from 'kubernetes-models/v1';
import { parseConfig } from '../../core/config.ts';
import { UnreachableError } from '../../core/errors.ts';
import type { Desired, Running } from '../../core/rollout.ts';
import type { Observation, Seen } from '../../core/target.ts';
import { FakeApi, type FakeCall } from '../api/fake-api.ts';
import { refusal } from '../api/fake-patch.ts';
import { type Kind, kinds } from '../api/kinds.ts';
import { fakeStored, fakePlace as place } from '../store/fake-stored.ts';
import { openStore } from '../store/open-store.ts';
import type { KubernetesTarget } from './kubernetes-target.ts';
import { openTarget, type TargetOptions } from './open-target.ts';

const signal = new AbortController().signal;
const holder = { by: 'ada', purpose: 'deploy' };
const targets: KubernetesTarget[] = [];

afterEach(() => {
  for (const target of targets.splice(0)) target.close();
});

const digest = (letter: string) => letter.repeat(64);
const one = fakeStored('one', { image: `registry.example.com/shop@sha256:${digest('1')}` });
const two = fakeStored('two', { image: `registry.example.com/shop@sha256:${digest('2')}` });
const three = fakeStored('three', { image: `registry.example.com/shop@sha256:${digest('3')}` });
const stable: Running = { release: one.release };
const candidate: Running = { release: two.release };
const rollout: NonNullable<Desired['rollout']> = {
  id: 'r1',
  kind: 'deploy',
  by: 'ada',
  startedAt: 1,
  release: two.release.id,
  artifact: two.release.artifact,
  command: 'none',
};
const serves: Desired = { replicas: 2, stable };
const tries = (size: 'none' | 'one' | 'all'): Desired => ({
  ...serves,
  rollout,
  candidate: { ...candidate, size },
});

async function makeTarget({
  config = {},
  ...options
}: Partial<Omit<TargetOptions, 'config'>> & { config?: object } = {}) {
  const api = (options.api as FakeApi | undefined) ?? new FakeApi();
  const store = openStore({ api, place });
  for (const stored of [one, two]) await store.storeRelease(stored, signal);
  const exported = {
    project: 'shop',
    service: { entry: 'main.ts' },
    environments: { staging: { target: 'kubernetes', context: 'test', ...config } },
  };
  const { staging } = parseConfig(exported, 'the test').environments;
  if (staging?.target !== 'kubernetes') throw new Error('it is of no cluster');
  const target = openTarget({ api, place, store, trace: () => undefined, ...options, config: staging });
  targets.push(target);
  return { api, store, target };
}

function serviceAt(clusterIP: string): IService {
  const metadata = { name: 'shop', namespace: 'shop-staging' };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP, ports: [{ port: 80 }] } };
}

function accountOf(): IServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'shop', namespace: 'shop-staging' },
  };
}

function deploymentIn(api: FakeApi): IDeployment | undefined {
  return api.all(kinds.deployment)[0];
}

function writesOf(calls: readonly FakeCall[]): readonly string[] {
  return calls
    .filter(({ verb, kind }) => ['create', 'apply', 'patch', 'remove'].includes(verb) && kind !== 'Lease')
    .map(({ verb, kind, name }) => `${verb} ${kind}/${name}`);
}

async function next(seen: AsyncIterator<Observation>): Promise<Observation> {
  const { value } = await seen.next();
  return value;
}

/** The first that fits, within a few seconds. */
async function nextThat(
  seen: AsyncIterator<Observation>,
  fits: (look: Observation) => boolean,
): Promise<Observation> {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    const look = await next(seen);
    if (fits(look)) return look;
  }
  throw new Error('it was not observed');
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error: { code?: string }) => error.code ?? error,
  );
}

describe('set', () => {
  test('stores what shall be, then lets in the digests, moves the budget, and changes the Deployment last', async () => {
    const { api, target } = await makeTarget({
      agentImage: `registry.example.com/agent@sha256:${digest('a')}`,
    });
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    api.calls.length = 0;

    await target.set(tries('one'), lock);

    expect(writesOf(api.calls)).toEqual([
      'patch ConfigMap/shop-state',
      'apply ConfigMap/shop-admitted',
      'patch Deployment/shop',
    ]);
    const admitted = api.all(kinds.configMap).find(({ metadata }) => metadata?.name === 'shop-admitted');
    expect(Object.keys(admitted?.data ?? {}).sort()).toEqual([digest('1'), digest('2'), digest('a')]);
    await lock.release();
  });

  const gates = [
    [serves, 'one', { minReadySeconds: 0, maxSurge: 1 }],
    [tries('none'), 'one', { minReadySeconds: 0, maxSurge: 1 }],
    [tries('one'), 'two', { minReadySeconds: 1_000_000_000, maxSurge: 1 }],
    [tries('all'), 'two', { minReadySeconds: 1_000_000_000, maxSurge: '100%' }],
    [
      { replicas: 2, rollout, candidate: { ...candidate, size: 'all' } },
      'two',
      { minReadySeconds: 0, maxSurge: 1 },
    ],
  ] as const satisfies readonly (readonly [Desired, string, object])[];
  for (const [desired, name, gate] of gates) {
    const beside = 'stable' in desired ? 'beside a stable one' : 'alone';
    const what = 'candidate' in desired ? `${desired.candidate?.size} of a candidate` : 'stable';
    test(`of ${what} ${beside} is release ${name} behind the gate ${JSON.stringify(gate)}`, async () => {
      const { api, target } = await makeTarget();
      const lock = await target.lock(holder, signal);

      await target.set(desired, lock);

      const { template, strategy, minReadySeconds } = deploymentIn(api)?.spec ?? {};
      const image = (name === 'one' ? one : two).image;
      expect(template?.spec?.containers[0]?.image).toBe(image);
      expect({ minReadySeconds, maxSurge: strategy?.rollingUpdate?.maxSurge }).toEqual(gate);
      await lock.release();
    });
  }

  test('in a rollout without room protects both releases from before a stable replica goes, until it has ended', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    const without = { surge: 'none' } as const;
    const bad = { ...rollout, judged: { kind: 'failed', cause: 'errors', message: 'bad' } } as const;
    const steps: readonly Desired[] = [
      { ...serves, ...without },
      { ...tries('one'), ...without },
      { ...tries('all'), ...without },
      { ...serves, ...without, rollout: bad },
      { ...serves, ...without },
    ];

    const told = [];
    for (const desired of steps) {
      api.calls.length = 0;
      await target.set(desired, lock);
      const { strategy, minReadySeconds, template } = deploymentIn(api)?.spec ?? {};
      told.push({
        mayGo: api.all(kinds.disruptionBudget)[0]?.spec?.maxUnavailable,
        writes: writesOf(api.calls).filter((write) => !write.includes('ConfigMap')),
        isClosed: minReadySeconds !== 0,
        image: template?.spec?.containers[0]?.image === one.image ? 'one' : 'two',
        strategy: strategy?.rollingUpdate,
      });
    }

    const [budget, change] = ['apply PodDisruptionBudget/shop', 'patch Deployment/shop'];
    const strategy = { maxUnavailable: 1, maxSurge: 0 };
    const begins = { writes: [budget, 'create Deployment/shop'], isClosed: false, image: 'one', strategy };
    expect(told).toEqual([
      { ...begins, mayGo: 1 },
      { mayGo: 0, writes: [budget, change], isClosed: true, image: 'two', strategy },
      { mayGo: 0, writes: [change], isClosed: false, image: 'two', strategy },
      { mayGo: 0, writes: [change], isClosed: false, image: 'one', strategy },
      { mayGo: 1, writes: [budget, change], isClosed: false, image: 'one', strategy },
    ]);
    await lock.release();
  });

  test('of nothing takes the Deployment away', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set({ replicas: 2, rollout, candidate: { ...candidate, size: 'all' } }, lock);

    await target.set({ replicas: 2, rollout }, lock);

    expect(deploymentIn(api)).toBeUndefined();
    await lock.release();
  });

  test('replaces the template whole and leaves the rest of the Deployment as others want it', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    const found = deploymentIn(api) as IDeployment;
    api.put<IDeployment>({
      ...found,
      metadata: { ...found.metadata, annotations: { theirs: 'kept' } },
      spec: found.spec && {
        ...found.spec,
        paused: true,
        revisionHistoryLimit: 3,
        template: { ...found.spec.template, metadata: { annotations: { theirs: 'gone' } } },
      },
    });

    await target.set(serves, lock);

    const { metadata, spec } = deploymentIn(api) ?? {};
    expect(metadata?.annotations).toEqual({ theirs: 'kept' });
    expect([spec?.revisionHistoryLimit, spec?.paused]).toEqual([3, undefined]);
    expect(spec?.template.metadata?.annotations).toBeUndefined();
    await lock.release();
  });

  test('leaves the number of replicas to the autoscaler, and begins with the fewest', async () => {
    const { api, target } = await makeTarget({ config: { autoscale: { min: 3, max: 9 } } });
    const lock = await target.lock(holder, signal);
    await target.set({ ...serves, replicas: 'autoscaled' }, lock);
    expect(deploymentIn(api)?.spec?.replicas).toBe(3);
    const found = deploymentIn(api) as IDeployment;
    api.put<IDeployment>({ ...found, spec: found.spec && { ...found.spec, replicas: 7 } });

    await target.set({ ...tries('one'), replicas: 'autoscaled' }, lock);

    expect(deploymentIn(api)?.spec?.replicas).toBe(7);
    await lock.release();
  });

  test('is written over what somebody else wrote meanwhile, as long as the lock is held', async () => {
    const { api, store, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    const [state] = api.all(kinds.configMap).filter(({ metadata }) => metadata?.name === 'shop-state');
    if (state) api.put({ ...state, data: { ...state.data, history: '2' } });

    await target.set(tries('one'), lock);

    expect(await store.readState(signal)).toMatchObject({ history: 2, desired: tries('one') });
    await lock.release();
  });

  test('of a holder whose lock was taken over changes nothing', async () => {
    const { api, store, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    const [lease] = api.all(kinds.lease);
    if (lease)
      api.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'bob@there/1/x', leaseTransitions: 2 } });
    const before = api.calls.length;

    expect(await codeOf(target.set(tries('one'), lock))).toBe('lock_lost');

    expect(writesOf(api.calls.slice(before))).toEqual([]);
    expect((await store.readState(signal))?.desired).toEqual(serves);
  });

  test('that stalled between its writes is refused once another has the lock', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    api.before = ({ verb, kind }) => {
      if (verb !== 'get' || kind !== 'Deployment') return;
      api.before = () => undefined;
      const [lease] = api.all(kinds.lease);
      if (lease) api.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'bob@there/1/x' } });
    };

    expect(await codeOf(target.set(tries('one'), lock))).toBe('lock_lost');

    expect(deploymentIn(api)?.spec?.minReadySeconds).toBe(0);
  });

  test('whose write comes late is refused over what another has written by then', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    api.before = ({ verb, kind }) => {
      if (verb !== 'patch' || kind !== 'Deployment') return;
      api.before = () => undefined;
      const [lease] = api.all(kinds.lease);
      if (lease) api.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'bob@there/1/x' } });
      const found = deploymentIn(api) as IDeployment;
      const generation = (found.metadata?.generation ?? 0) + 1;
      const spec = found.spec && { ...found.spec, replicas: 7 };
      api.put<IDeployment>({ ...found, metadata: { ...found.metadata, generation }, spec });
    };

    expect(await codeOf(target.set(tries('one'), lock))).toBe('lock_lost');

    expect(deploymentIn(api)?.spec).toMatchObject({ replicas: 7, minReadySeconds: 0 });
  });

  test('is told apart from a Deployment of another tool by what that selects', async () => {
    const { api, target } = await makeTarget();
    api.put<IDeployment>({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop' },
      spec: { selector: { matchLabels: { app: 'theirs' } }, template: {} },
    });
    const lock = await target.lock(holder, signal);

    expect(await codeOf(target.set(serves, lock))).toBe('namespace_taken');
    await lock.release();
  });
});

test('a new holder writes its token at once, so that a late write of the one before is refused', async () => {
  const { api, store, target } = await makeTarget();
  const lock = await target.lock(holder, signal);
  await target.set(serves, lock);
  const late = await store.readState(signal);
  await lock.release();

  const { target: another } = await makeTarget({ api });
  const next = await another.lock(holder, signal);

  expect((await store.readState(signal))?.token).toBe(next.token);
  const write = store.writeState(
    {
      desired: serves,
      token: 1,
      ...(late?.resourceVersion ? { resourceVersion: late.resourceVersion } : {}),
    },
    signal,
  );
  expect(await write.catch((error: { status?: number }) => error.status)).toBe(409);
  await next.release();
});

describe('the end of a rollout', () => {
  test('tidies up while the lock is held, so that nothing goes that the next rollout needs', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(tries('one'), lock);
    const tidied: (string | undefined)[] = [];
    api.before = ({ verb, kind }) => {
      if (verb === 'list' && kind === 'Job') tidied.push(api.all(kinds.lease)[0]?.spec?.holderIdentity);
    };

    await target.set(serves, lock);
    await lock.release();

    expect(tidied).toEqual([expect.stringMatching(/^ada@/)]);
  });

  test('is not come to where it is left half-done, and nothing is tidied up', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(tries('one'), lock);
    const before = api.calls.length;

    await lock.release();

    expect(api.calls.slice(before).filter(({ verb }) => verb === 'list')).toEqual([]);
  });

  test('frees the lock though nothing could be tidied up', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(tries('one'), lock);
    await target.set(serves, lock);
    api.before = ({ verb }) => {
      if (verb === 'list') throw new Error('may not list');
    };

    await lock.release();

    expect(api.all(kinds.lease)[0]?.spec?.holderIdentity).toBeUndefined();
  });
});

describe('what is published', () => {
  test('has its settings put back where somebody deleted them', async () => {
    const { api, target } = await makeTarget();
    await api.remove(kinds.configMap, two.settings.name, { signal });

    await target.publish(two.release, signal);

    expect(await api.get(kinds.configMap, two.settings.name, signal)).toMatchObject({
      data: two.settings.data,
    });
  });

  test('is stored again where another command tidied it away meanwhile', async () => {
    const { store, target } = await makeTarget({ rendered: three });
    expect(await store.readRelease(three.release.id, signal)).toBeUndefined();

    await target.publish(three.release, signal);

    expect(await store.readRelease(three.release.id, signal)).toEqual(three);
  });

  test('must have been stored, or be rendered', async () => {
    const { target } = await makeTarget({ rendered: two });

    await expect(target.publish(three.release, signal)).rejects.toThrow('was not stored before its rollout');
  });
});

test('while the agent was taken away and another has not reported yet, the candidate is not watched as ready', async () => {
  const agent = {
    start: async () => undefined,
    stop: async () => undefined,
    close: () => undefined,
    hasReported: true,
    cannotRun: undefined,
    isRemade: false,
    counts: () => [],
  };
  const { api, target } = await makeTarget({ agent });
  const lock = await target.lock(holder, signal);
  await target.set(tries('one'), lock);
  const { metadata, spec } = deploymentIn(api)?.spec?.template ?? {};
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 's', uid: 's', controller: true },
  ];
  const conditions = [{ type: 'Ready', status: 'True' }];
  const pod = { ...metadata, name: 'c-1', ownerReferences };
  api.put({ apiVersion: 'v1', kind: 'Pod', metadata: pod, spec, status: { conditions } } as never);
  const seen = target.observe(signal)[Symbol.asyncIterator]();
  const phaseOf = (look: Observation) =>
    look.kind === 'seen' && look.replicas.find(({ id }) => id === 'c-1')?.phase;

  await nextThat(seen, (look) => phaseOf(look) === 'ready');
  agent.hasReported = false;
  const away = await next(seen);
  agent.hasReported = true;
  const back = await next(seen);

  expect([phaseOf(away), phaseOf(back)]).toEqual(['starting', 'ready']);
  await lock.release();
});

test('what a bad release printed is kept without the values of its secrets', async () => {
  const findEvidence = async () => ({ exit: 'exit code 1', lines: ['no access with hunter2-hunter2'] });
  const { store, target } = await makeTarget({ parts: { findEvidence } });
  const how = { inUse: [], isFresh: true };
  const secretSet = (await store.storeSecrets({ TOKEN: 'hunter2-hunter2' }, how, signal)) ?? '';

  const evidence = await target.evidence({ ...candidate, secretSet }, signal);

  expect(evidence).toEqual({ exit: 'exit code 1', lines: ['no access with [redacted]'] });
});

describe('what is observed', () => {
  test('after a set is what was set', async () => {
    const { target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    const seen = target.observe(signal)[Symbol.asyncIterator]();
    await target.set(serves, lock);
    await next(seen);

    await target.set(tries('one'), lock);

    expect(await next(seen)).toMatchObject({ kind: 'seen', desired: tries('one') });
    await lock.release();
  });

  test('shows what another command stored within a second or so', async () => {
    const { target, store } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    await lock.release();
    const seen = target.observe(signal)[Symbol.asyncIterator]();
    await next(seen);
    const state = await store.readState(signal);

    if (state) await store.writeState({ ...state, desired: tries('one') }, signal);

    const isIt = (look: Observation) => look.kind === 'seen' && look.desired.rollout !== undefined;
    expect(await nextThat(seen, isIt)).toMatchObject({ desired: tries('one') });
  });

  test('is unreachable while the API is away, and never what was seen before that', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(serves, lock);
    const seen = target.observe(signal)[Symbol.asyncIterator]();
    expect((await next(seen)).kind).toBe('seen');

    let refusals = 0;
    api.before = ({ verb, name }) => {
      if (verb === 'get' && name === 'shop-state') refusals += 1;
      throw new UnreachableError({ code: 'environment_unreachable', message: 'refused', hint: 'wait' });
    };

    // The state is read again and again: once it was refused, no look may be of what was there before.
    const away = await nextThat(seen, ({ kind }) => kind === 'unreachable' || refusals > 1);
    expect(away).toMatchObject({ kind: 'unreachable', cause: 'refused' });
    expect(await codeOf(target.set(tries('one'), lock))).toBe('environment_unreachable');
    api.before = () => undefined;
    expect(await nextThat(seen, ({ kind }) => kind === 'seen')).toMatchObject({ desired: serves });
    await lock.release();
  });

  test('in a rollout is put right when somebody else changed the Deployment', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(tries('one'), lock);
    const seen = target.observe(signal)[Symbol.asyncIterator]();
    await next(seen);

    const found = deploymentIn(api) as IDeployment;
    const generation = (found.metadata?.generation ?? 0) + 1;
    api.put<IDeployment>({
      ...found,
      metadata: { ...found.metadata, generation },
      spec: found.spec && { ...found.spec, replicas: 9 },
    });
    await next(seen);

    expect(deploymentIn(api)?.spec?.replicas).toBe(2);
    await lock.release();
  });

  for (const { kind, name } of [
    { kind: kinds.service, name: 'shop' },
    { kind: kinds.serviceAccount, name: 'shop' },
    { kind: kinds.configMap, name: 'shop-admitted' },
  ]) {
    test(`in a rollout has its ${kind.kind} ${name} put back that somebody deleted, which is told`, async () => {
      const { api, target } = await makeTarget();
      api.put(serviceAt('10.96.0.7'));
      api.put(accountOf());
      const lock = await target.lock(holder, signal);
      await target.set(tries('one'), lock);
      const seen = target.observe(signal)[Symbol.asyncIterator]();
      await nextThat(seen, ({ kind: what }) => what === 'seen');
      const before = await api.get(kind as Kind, name, signal);

      await api.remove(kind, name, { signal });
      const { disturbances = [] } = (await nextThat(
        seen,
        (look) =>
          look.kind === 'seen' && (look.disturbances ?? []).some((what) => what.startsWith(`${kind.kind} `)),
      )) as Seen;

      expect(disturbances.at(-1)).toEndWith(' and put back');
      const after = (await api.get(kind as Kind, name, signal)) as { spec?: object; data?: object };
      expect(after.data).toEqual((before as typeof after | undefined)?.data as object);
      if (kind === kinds.service) expect(after.spec).toMatchObject({ clusterIP: '10.96.0.7' });
      await lock.release();
    });
  }

  test('that may not put back a Service says who can', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(tries('one'), lock);
    api.before = ({ verb, kind }) => {
      if (verb === 'create' && kind === 'Service') throw refusal(403, 'Forbidden', 'not you');
    };

    const { disturbances } = (await nextThat(
      target.observe(signal)[Symbol.asyncIterator](),
      (look) => look.kind === 'seen' && (look.disturbances ?? []).some((what) => what.startsWith('Service ')),
    )) as Seen;

    expect(disturbances).toContain('Service shop was deleted; who may runs causeway up staging');
    await lock.release();
  });

  for (const [what, harm] of [
    ['deleted', (api: FakeApi) => api.remove(kinds.configMap, 'shop-state', { signal })],
    [
      'truncated',
      (api: FakeApi) => api.patch(kinds.configMap, 'shop-state', { data: { desired: '{"rep' } }, { signal }),
    ],
  ] as const) {
    test(`in a rollout is put back where somebody has ${what} its state, and the rollout goes on`, async () => {
      const { api, store, target } = await makeTarget();
      const lock = await target.lock(holder, signal);
      await target.set(tries('one'), lock);
      const seen = target.observe(signal)[Symbol.asyncIterator]();
      await nextThat(seen, (look) => look.kind === 'seen');

      await harm(api);
      const looks: Observation[] = [];
      await nextThat(seen, (look) => {
        looks.push(look);
        return look.kind === 'seen' && (look.disturbances ?? []).some((one) => one.startsWith('the state '));
      });
      await target.set(tries('all'), lock);

      expect(looks.filter((look) => look.kind === 'seen' && !look.desired.rollout)).toEqual([]);
      expect((await store.readState(signal))?.desired).toEqual(tries('all'));
      await lock.release();
    });
  }

  test('that is to be written over a state which somebody broke a moment ago is written all the same', async () => {
    const { api, store, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(tries('one'), lock);
    await api.patch(kinds.configMap, 'shop-state', { data: { token: 'x' } }, { signal });

    await target.set(tries('all'), lock);

    expect((await store.readState(signal))?.desired).toEqual(tries('all'));
    await lock.release();
  });

  test('is made what is desired where a command died before it could', async () => {
    const { api, store, target } = await makeTarget();
    await store.writeState({ desired: tries('one'), token: 0 }, signal);
    const lock = await target.lock(holder, signal);

    await next(target.observe(signal)[Symbol.asyncIterator]());

    expect(deploymentIn(api)?.spec?.minReadySeconds).toBe(1_000_000_000);
    await lock.release();
  });

  test('is changed by nobody who does not hold the lock', async () => {
    const { api, store, target } = await makeTarget();
    await store.writeState({ desired: tries('one'), token: 0 }, signal);

    await next(target.observe(signal)[Symbol.asyncIterator]());

    expect(deploymentIn(api)).toBeUndefined();
  });

  test('ends with lock_lost when another takes the lock', async () => {
    const { api, target } = await makeTarget();
    const lock = await target.lock(holder, signal);
    await target.set(tries('one'), lock);
    const seen = target.observe(signal)[Symbol.asyncIterator]();
    await next(seen);
    const [lease] = api.all(kinds.lease);
    if (lease) api.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'bob@there/1/x' } });
    await codeOf(target.set(tries('all'), lock));

    expect(await codeOf(next(seen))).toBe('lock_lost');
  });
});

test('an agent is started with the rollout and removed at its end', async () => {
  const calls: string[] = [];
  const agent = {
    start: async () => void calls.push('start'),
    stop: async () => void calls.push('stop'),
    close: () => undefined,
    hasReported: false,
    cannotRun: undefined,
    isRemade: false,
    counts: () => [],
  };
  const { target } = await makeTarget({ agent });
  const lock = await target.lock(holder, signal);

  await target.set(tries('one'), lock);
  await target.set(tries('all'), lock);
  await target.set(serves, lock);

  expect(calls).toEqual(['start', 'stop']);
  await lock.release();
});
