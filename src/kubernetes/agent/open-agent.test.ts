import { afterEach, describe, expect, test } from 'bun:test';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { Role } from 'kubernetes-models/rbac.authorization.k8s.io/v1/Role';
import type { IPod } from 'kubernetes-models/v1';
import { type KubernetesConfig, parseConfig } from '../../core/config.ts';
import { makeRelease } from '../../core/release.ts';
import type { Desired } from '../../core/rollout.ts';
import { FakeApi } from '../api/fake-api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { until } from '../until.ts';
import { type FollowOptions, followReports } from './follow-reports.ts';
import { type Agent, openAgent } from './open-agent.ts';
import { agentSetupSchema } from './setup.ts';

const { signal } = new AbortController();
const place = { project: 'shop', environment: 'staging', namespace: 'shop-staging' };
const image = `registry.example.com/team/shop@sha256:${'c'.repeat(64)}`;
const stable = { release: fakeRelease('a') };
const candidate = { release: fakeRelease('b'), secretSet: 'calm-otter', size: 'one' as const };
const opened: Agent[] = [];

afterEach(() => {
  for (const agent of opened.splice(0)) agent.close();
});

describe('starting', () => {
  test('makes a Job that runs the agent by the digest of its image, under the restricted standard', async () => {
    const api = fakeCluster();

    await open(api).start(desiredFor('r1'), signal);

    const [job] = api.all(kinds.job);
    new Job(job as ConstructorParameters<typeof Job>[0]).validate();
    const pod = job?.spec?.template.spec;
    expect(job?.metadata?.name).toBe('shop-agent-r1');
    expect(pod?.containers[0]).toMatchObject({
      image,
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    });
    expect(pod?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(job?.spec?.template.metadata?.labels).toMatchObject({
      'app.kubernetes.io/component': 'agent',
      'causeway.dev/environment': 'staging',
    });
  });

  test('tells it what to ask, and nothing of the service’s variables', async () => {
    const api = fakeCluster();

    await open(api).start(desiredFor('r1'), signal);

    const [variable] = api.all(kinds.job)[0]?.spec?.template.spec?.containers[0]?.env ?? [];
    const setup = agentSetupSchema.parse(JSON.parse(variable?.value ?? ''));
    expect(setup.service).toEqual({ host: '10.96.0.7', port: 80 });
    expect(setup.running).toEqual([
      { release: stable.release.id.slice(0, 16), port: 8080, paths: ['/', '/b'], timeoutMs: 1000 },
      {
        release: candidate.release.id.slice(0, 16),
        secretSet: 'calm-otter',
        port: 8080,
        paths: ['/', '/b'],
        timeoutMs: 1000,
      },
    ]);
    expect(variable?.value).not.toContain('from-the-config');
  });

  test('gives it rights over the objects of this rollout alone, by their names', async () => {
    const api = fakeCluster();

    await open(api).start(desiredFor('r1'), signal);

    const [role] = api.all(kinds.role);
    new Role(role as ConstructorParameters<typeof Role>[0]).validate();
    const rights = role?.rules?.map(
      ({ resources = [], resourceNames = ['*'], verbs }) =>
        `${resources} ${resourceNames.map(shorten)}: ${verbs}`,
    );
    expect(rights).toMatchInlineSnapshot(`
      [
        "pods *: get,list,watch",
        "pods/log *: get",
        "events *: list,watch",
        "services shop: get",
        "replicasets *: get,list,watch",
        "jobs shop-command-r1: get,list,watch,patch",
        "configmaps shop-state,shop-history-3,shop-admitted,shop-release-…,shop-release-…: get",
        "configmaps shop-state,shop-history-3,shop-admitted: patch,update",
        "leases shop-state: get,patch,update",
        "deployments shop: get,list,watch,patch,update,delete",
        "poddisruptionbudgets shop: get,patch,update,delete",
        "horizontalpodautoscalers shop: get",
      ]
    `);
  });

  test('is done once for each rollout', async () => {
    const api = fakeCluster();
    const agent = open(api);

    await agent.start(desiredFor('r1'), signal);
    await agent.start(desiredFor('r1'), signal);
    await open(api).start(desiredFor('r1'), signal);
    await agent.start(desiredFor('r2'), signal);

    expect(api.all(kinds.job).map(({ metadata }) => metadata?.name)).toEqual([
      'shop-agent-r1',
      'shop-agent-r2',
    ]);
    expect(api.calls.filter(({ verb, kind }) => verb === 'create' && kind === 'Job')).toHaveLength(2);
  });

  test('that the cluster refuses is told in its words, and keeps nothing from going on', async () => {
    const api = fakeCluster();
    api.before = ({ verb, kind }) => {
      if (verb === 'apply' && kind === 'Role')
        throw new ApiRefusal({
          status: 403,
          reason: 'Forbidden',
          message: 'you may not make roles',
          hint: '',
        });
    };
    const agent = open(api);

    await agent.start(desiredFor('r1'), signal);

    expect(agent.cannotRun).toBe('you may not make roles');
    expect(agent.hasReported).toBe(false);
    expect(agent.counts(desiredFor('r1'))).toEqual([expect.objectContaining({ ok: 0, lost: 0 })]);
  });
});

describe('reports', () => {
  test('are read from the last line of its pod’s log, whatever else stands there', async () => {
    const api = fakeCluster();
    const agent = open(api);
    await agent.start(desiredFor('r1'), signal);

    api.logOf.set('agent-pod', `starting\n${reportLine('r1', 5)}\n${reportLine('r1', 9)}\n`);
    api.put(agentPod('agent-pod', { phase: 'Running' }));

    await until('it has reported', () => agent.hasReported);
    expect(agent.counts(desiredFor('r1'))[0]).toMatchObject({ ok: 9 });
    expect(agent.cannotRun).toBeUndefined();
  });

  test('of a pod that failed and of the one after it add up', async () => {
    const api = fakeCluster();
    const agent = open(api);
    await agent.start(desiredFor('r1'), signal);

    api.logOf.set('first', reportLine('r1', 5));
    api.put(agentPod('first', { phase: 'Failed' }));
    api.logOf.set('second', reportLine('r1', 2));
    api.put(agentPod('second', { phase: 'Running' }));

    await until('both were read', () => agent.counts(desiredFor('r1'))[0]?.ok === 7);
  });

  test('that cannot come are told with what keeps its container from starting', async () => {
    const api = fakeCluster();
    const agent = open(api);
    await agent.start(desiredFor('r1'), signal);

    const waiting = { reason: 'ErrImagePull', message: 'not found' };
    const status = {
      name: 'agent',
      ready: false,
      restartCount: 0,
      image: '',
      imageID: '',
      state: { waiting },
    };
    api.put(agentPod('agent-pod', { phase: 'Pending', containerStatuses: [status] }));

    await until('it is told', () => agent.cannotRun === 'ErrImagePull: not found');
  });

  test('that cannot come because its pod is refused are told with the words of that', async () => {
    const api = fakeCluster();
    const why: (string | undefined)[] = [];
    api.put({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'shop-agent-r1.1' },
      involvedObject: { kind: 'Job', name: 'shop-agent-r1' },
      reason: 'FailedCreate',
      message: 'exceeded quota: small',
    } as never);

    await using _ = follow(api, { onTrouble: (said) => why.push(said), firstMs: 1 });

    await until('it is told', () => why.includes('exceeded quota: small'));
  });

  test('of the rollout before count no more', async () => {
    const api = fakeCluster();
    const agent = open(api);
    await agent.start(desiredFor('r1'), signal);
    api.logOf.set('agent-pod', reportLine('r1', 5));
    api.put(agentPod('agent-pod', { phase: 'Running' }));
    await until('it has reported', () => agent.hasReported);

    await agent.start(desiredFor('r2'), signal);

    expect(agent.hasReported).toBe(false);
  });
});

describe('a Job that somebody deletes', () => {
  test('is made anew, and what its pods counted adds up', async () => {
    const api = fakeCluster();
    const agent = open(api);
    await agent.start(desiredFor('r1'), signal);
    api.logOf.set('first', reportLine('r1', 5));
    api.put(agentPod('first', { phase: 'Running' }));
    await until('it has reported', () => agent.hasReported);

    await takeAway(api, 'first');
    await until('that was seen', () => !agent.hasReported || api.all(kinds.job).length === 1);
    expect(agent.hasReported).toBe(false);
    // One thing at a time is made: what was begun before is there by then.
    await agent.start(desiredFor('r1'), signal);
    expect(api.all(kinds.job)).toHaveLength(1);
    api.logOf.set('second', reportLine('r1', 2));
    api.put(agentPod('second', { phase: 'Running' }));

    await until('both were read', () => agent.counts(desiredFor('r1'))[0]?.ok === 7);
    expect([agent.cannotRun, agent.isRemade, agent.hasReported]).toEqual([undefined, true, true]);
  });

  test('is no reason to say that its pod ended', async () => {
    const api = fakeCluster();
    const why: (string | undefined)[] = [];
    await using _ = follow(api, { onTrouble: (said) => why.push(said) });
    const { metadata, ...pod } = agentPod('first', {
      phase: 'Failed',
      containerStatuses: [{ name: 'agent', state: { terminated: { exitCode: 1 } } }],
    });

    api.put({ ...pod, metadata: { ...metadata, deletionTimestamp: '2026-11-30T00:00:00Z' } });

    await until('it was seen', () => why.length === 1);
    expect(why).toEqual([undefined]);
  });

  test('before it had a pod is looked for as well', async () => {
    const gone: string[] = [];

    await using _ = follow(fakeCluster(), { onGone: () => gone.push('it'), firstMs: 1 });

    await until('it is told', () => gone.length === 1);
  });

  test('is not made anew where the rollout was over', async () => {
    const api = fakeCluster();
    const agent = open(api);
    await agent.start(desiredFor('r1'), signal);
    api.put(agentPod('first', { phase: 'Running' }));

    await agent.stop(signal);
    await api.remove(kinds.pod, 'first', { signal });
    await agent.start({ replicas: 2, stable }, signal);

    expect(api.all(kinds.job)).toEqual([]);
  });
});

test('stopping takes the Job away, and keeps what was counted', async () => {
  const api = fakeCluster();
  const agent = open(api);
  await agent.start(desiredFor('r1'), signal);
  api.logOf.set('agent-pod', reportLine('r1', 5));
  api.put(agentPod('agent-pod', { phase: 'Running' }));
  await until('it has reported', () => agent.hasReported);

  await agent.stop(signal);

  expect(api.all(kinds.job)).toEqual([]);
  expect(agent.counts(desiredFor('r1'))[0]?.ok).toBe(5);
});

function fakeCluster(): FakeApi {
  const api = new FakeApi();
  api.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop' },
    spec: { clusterIP: '10.96.0.7', ports: [{ port: 80 }] },
  } as never);
  api.put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'shop-state' },
    data: { history: '3' },
  } as never);
  return api;
}

function open(api: FakeApi): Agent {
  const agent = openAgent({ api, place, image, config, trace: () => undefined });
  opened.push(agent);
  return agent;
}

const config = parseConfig(
  {
    project: 'shop',
    service: { entry: 'main.ts' },
    environments: { staging: { target: 'kubernetes', env: { SECRETLIKE: 'from-the-config' } } },
  },
  'causeway.config.ts',
).environments.staging as KubernetesConfig;

/** Reads the reports of a Job until it is disposed of. */
function follow(api: FakeApi, told: Partial<FollowOptions>): AsyncDisposable {
  const following = new AbortController();
  const nothing = () => undefined;
  const followed = followReports({
    api,
    job: 'shop-agent-r1',
    onReport: nothing,
    onTrouble: nothing,
    onLeaving: nothing,
    onGone: nothing,
    trace: nothing,
    signal: following.signal,
    ...told,
  });
  return {
    async [Symbol.asyncDispose]() {
      following.abort();
      await followed;
    },
  };
}

function desiredFor(id: string): Desired {
  return {
    replicas: 2,
    stable,
    candidate,
    rollout: {
      id,
      kind: 'deploy',
      by: 'ada',
      startedAt: 0,
      command: 'none',
      release: candidate.release.id,
      artifact: candidate.release.artifact,
    },
  };
}

function fakeRelease(letter: string) {
  return makeRelease({
    artifact: `sha256:${letter.repeat(64)}`,
    command: [],
    settings: {
      env: {},
      secrets: [],
      port: 8080,
      paths: ['/', '/b'],
      probes: { timeoutMs: 1000 },
      drainMs: 1000,
    },
  });
}

async function takeAway(api: FakeApi, pod: string): Promise<void> {
  await api.remove(kinds.job, 'shop-agent-r1', { signal });
  await api.remove(kinds.pod, pod, { signal });
}

function agentPod(name: string, status: object): IPod {
  const labels = { 'batch.kubernetes.io/job-name': 'shop-agent-r1' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, uid: name, labels }, status } as IPod;
}

function reportLine(rollout: string, ok: number): string {
  const service = { ok, errors: 0, late: 0, lost: 0, retried: 0 };
  return JSON.stringify({ kind: 'report', rollout, at: 0, service, replicas: [] });
}

function shorten(name: string): string {
  return name.replace(/release-[0-9a-f]{16}/, 'release-…');
}
