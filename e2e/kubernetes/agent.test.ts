import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { type Config, type KubernetesConfig, parseConfig } from '../../src/core/config.ts';
import { makeRelease, type Release, type Settings } from '../../src/core/release.ts';
import { type Desired, runningKey } from '../../src/core/rollout.ts';
import { buildArtifact } from '../../src/image/artifact.ts';
import { openBlobCache } from '../../src/image/blob-cache.ts';
import { buildImage } from '../../src/image/build-image.ts';
import { parseReference } from '../../src/image/registry/reference.ts';
import { openRepository } from '../../src/image/registry/repository.ts';
import { writeImage } from '../../src/image/write-image.ts';
import { publishAgent } from '../../src/kubernetes/agent/agent-image.ts';
import { type Agent, openAgent } from '../../src/kubernetes/agent/open-agent.ts';
import { type KubernetesObject, kinds } from '../../src/kubernetes/api/kinds.ts';
import { openApi } from '../../src/kubernetes/api/open-api.ts';
import { deploymentOf } from '../../src/kubernetes/manifests/deployment.ts';
import type { Gate } from '../../src/kubernetes/manifests/gate.ts';
import {
  labels,
  metadataOf,
  namesOf,
  type Place,
  portName,
  releaseLabel,
  selectorOf,
} from '../../src/kubernetes/manifests/names.ts';
import { settingsMapOf, templateOf } from '../../src/kubernetes/manifests/pod-template.ts';
import { renderRelease } from '../../src/kubernetes/manifests/render-release.ts';
import { openStore } from '../../src/kubernetes/store/open-store.ts';
import type { Store } from '../../src/kubernetes/store/store.ts';
import { openTarget } from '../../src/kubernetes/target/open-target.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { composeBase } from '../images/base.ts';
import { have } from '../images/have.ts';
import { ownPlatform } from '../images/image-project.ts';
import { until } from '../local/project.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

const kind = await have('a cluster', findCluster);
if (kind) describe('the agent', testAgent);

function testAgent(): void {
  let cluster: Cluster;
  let config: Config;
  let image: string;
  let good: Release;
  let other: Release;
  let erring: Release;

  beforeAll(async () => {
    cluster = await openCluster();
    config = await makeConfig(cluster);
    [image, good, other, erring] = await Promise.all([
      publish(config),
      pushFixture(config, 'good.ts'),
      pushFixture(config, 'good.ts', { env: { OTHER: 'one' } }),
      pushFixture(config, 'errors-under-traffic.ts'),
    ]);
  }, 20 * minuteMs);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  test('is published once: what is there is not sent again', async () => {
    const sent: string[] = [];

    const again = await publish(config, (url, init) => {
      sent.push(`${init?.method ?? 'GET'} ${new URL(String(url)).pathname}`);
      return fetch(url, init);
    });

    expect(again).toBe(image);
    expect(sent.filter((line) => !line.startsWith('GET'))).toEqual([]);
  });

  test('runs under the restricted standard and sees who errs, and what users lose: nothing', async () => {
    await using place = await makePlace(cluster, config, [good, erring]);
    await place.roll(good, 'open');
    await place.roll(erring, 'one');
    const desired = desiredOf('r1', good, erring);
    await place.write(desired);
    await using agent = place.agent(image);

    await agent.start(desired, AbortSignal.timeout(minuteMs));

    const of = (release: Release) =>
      agent.counts(desired).filter(({ key }) => key === runningKey({ release }));
    await until('all three are counted', () => of(good).length === 2 && of(erring).length === 1, {
      withinMs: minuteMs,
    });
    await until('the candidate errs', () => (of(erring)[0]?.errors ?? 0) > 20, { withinMs: minuteMs });
    expect(agent.cannotRun).toBeUndefined();
    for (const count of of(good)) expect(count).toMatchObject({ errors: 0, late: 0, lost: 0 });
    const [service] = agent.counts(desired);
    expect(service?.errors).toBeGreaterThan(0);
    expect(service?.lost).toBe(0);
  });

  test('sees no request lost while replicas are replaced', async () => {
    await using place = await makePlace(cluster, config, [good, other]);
    await place.roll(good, 'open');
    const desired = desiredOf('r1', good, other);
    await place.write(desired);
    await using agent = place.agent(image);
    await agent.start(desired, AbortSignal.timeout(minuteMs));
    await until('it asks', () => (agent.counts(desired)[0]?.ok ?? 0) > 100, { withinMs: minuteMs });

    await place.roll(other, 'open');
    await place.areReady(other, 2);
    await until('the others are gone', async () => (await place.pods(good)).length === 0, {
      withinMs: minuteMs,
    });

    const [{ ok = 0 } = {}] = agent.counts(desired);
    await until('it has asked for a while', () => (agent.counts(desired)[0]?.ok ?? 0) > ok + 100);
    const counts = agent.counts(desired);
    expect(counts.map(({ lost }) => lost)).toEqual(counts.map(() => 0));
    expect(counts.map(({ errors }) => errors)).toEqual(counts.map(() => 0));
    expect(counts.filter(({ key }) => key === runningKey({ release: other }))).toHaveLength(2);
  });

  test('takes a candidate out when nobody drives its rollout any more, and starts nothing anew', async () => {
    await using place = await makePlace(cluster, config, [good, erring]);
    await using agent = place.agent(image, { staleMs: 3_000 });
    const { signal } = new AbortController();
    const { api, store } = place;
    const target = openTarget({
      api,
      place,
      config: config.environments.test as KubernetesConfig,
      store,
      agent,
      agentImage: image,
      trace: () => undefined,
    });
    const lock = await target.lock({ by: 'ada', purpose: 'deploy' }, signal);
    await target.set({ replicas: 2, stable: { release: good } }, lock);
    await place.areReady(good, 2);
    const before = await place.pods(good);
    await target.set(desiredOf('r1', good, erring), lock);
    await place.areReady(erring, 1);
    await until('the agent has reported', () => agent.hasReported, { withinMs: minuteMs });

    target.close();
    const spec = { holderIdentity: 'ada@elsewhere/1/x', leaseDurationSeconds: 1 };
    await api.patch(kinds.lease, namesOf(place).state, { spec }, { signal });

    await until(
      'the rollout is over',
      async () => (await store.readState(signal))?.desired.rollout === undefined,
      { withinMs: minuteMs },
    );
    expect((await store.readState(signal))?.desired).toEqual({ replicas: 2, stable: { release: good } });
    expect(await store.history.list()).toMatchObject([
      { id: 'r1', verdict: { kind: 'failed', cause: 'interrupted', message: 'nobody drove it for 3 s' } },
    ]);
    await until('the candidate is gone', async () => (await place.pods(erring)).length === 0);
    expect(await place.pods(good)).toEqual(before);
    await place.jobSucceeds('r1');
  });

  test('ends by itself when its rollout is over', async () => {
    await using place = await makePlace(cluster, config, [good]);
    await place.roll(good, 'open');
    const desired = desiredOf('r1', good, good);
    const state = await place.write(desired);
    await using agent = place.agent(image);
    await agent.start(desired, AbortSignal.timeout(minuteMs));
    await until('it has reported', () => agent.hasReported, { withinMs: minuteMs });

    const { signal } = new AbortController();
    await place.store.writeState({ ...state, desired: { replicas: 2, stable: { release: good } } }, signal);

    await place.jobSucceeds('r1');
  });
}

const home = join(import.meta.dir, '..', '..');
const fixtures = join(home, 'e2e', 'fixtures');

async function makeConfig(cluster: Cluster): Promise<Config> {
  return parseConfig(
    {
      project: 'shop',
      service: { entry: 'main.ts' },
      image: {
        base: `oci:${await composeBase()}:base`,
        platforms: [ownPlatform],
        repository: `${cluster.registry}/agent-test/shop`,
      },
      environments: { test: { target: 'kubernetes', context: cluster.context } },
    },
    'causeway.config.ts',
  );
}

function publish(config: Config, fetch?: Parameters<typeof publishAgent>[0]['fetch']): Promise<string> {
  const { repository = '' } = config.image;
  const { signal } = new AbortController();
  return publishAgent({ config, folder: home, env: process.env, home, repository, fetch, signal });
}

async function pushFixture(
  config: Config,
  entry: string,
  settings: Partial<Settings> = {},
): Promise<Release> {
  const { env } = process;
  const { signal } = new AbortController();
  const credentials = async () => undefined;
  const emit = () => undefined;
  const cache = openBlobCache(env);
  const { artifact, command } = await buildArtifact({ service: { entry }, folder: fixtures });
  const image = await buildImage({
    artifact,
    command,
    port: 8080,
    settings: config.image,
    runtime: 'bun',
    folder: home,
    notesBase: false,
    home,
    cache,
    env,
    credentials,
    emit,
    signal,
  });
  const reference = parseReference(config.image.repository ?? '');
  await writeImage({ image, to: openRepository({ reference, credentials, emit }), emit, signal });
  return makeRelease({
    artifact: artifact.digest,
    image: image.digest,
    command: [...command],
    settings: {
      env: {},
      secrets: [],
      port: 8080,
      paths: ['/'],
      probes: { ready: '/readyz', timeoutMs: 2_000 },
      drainMs: 5_000,
      pod: { resources: { cpu: '20m', memory: '192Mi' }, preStopMs: 3_000 },
      ...settings,
    },
  });
}

function desiredOf(id: string, stable: Release, candidate: Release): Desired {
  const rollout = {
    id,
    kind: 'deploy',
    by: 'the test',
    startedAt: Date.now(),
    command: 'none',
    release: candidate.id,
    artifact: candidate.artifact,
  } as const;
  return {
    replicas: 2,
    rollout,
    stable: { release: stable },
    candidate: { release: candidate, size: 'one' },
  };
}

/** An environment in a namespace of its own, without anything that drives rollouts. */
async function makePlace(cluster: Cluster, config: Config, releases: readonly Release[]) {
  const namespace = await cluster.makeNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  const place: Place = { project: 'shop', environment: 'test', namespace: namespace.name };
  const api = openApi({ access: accessTo(cluster), namespace: namespace.name, trace: () => undefined });
  const store = openStore({ api, place });
  const { signal } = new AbortController();
  const pullFrom = config.image.repository ?? '';
  const objects: KubernetesObject[] = [account(place), service(place)];
  for (const object of objects) await api.apply(object, { signal });
  for (const release of releases)
    await store.storeRelease(renderRelease({ release, pullFrom, place }), signal);
  return {
    ...place,
    api,
    store,
    /** Puts a release's template in, and waits until as many replicas as that asks for are ready. */
    async roll(release: Release, gate: Gate): Promise<void> {
      const stored = renderRelease({ release, pullFrom, place });
      await api.apply(settingsMapOf(place, stored), { signal });
      const template = templateOf(stored, undefined);
      await api.apply(deploymentOf({ place, template, replicas: 2, gate }), { signal });
      await areReady(release, gate === 'one' ? 1 : 2);
    },
    areReady,
    pods,
    async jobSucceeds(rollout: string): Promise<void> {
      const { signal } = new AbortController();
      const name = namesOf(place).agentJob(rollout);
      const isDone = async () => (await api.get(kinds.job, name, signal))?.status?.succeeded === 1;
      await until('its Job has succeeded', isDone, { withinMs: minuteMs });
    },
    write: (desired: Desired) => writeState(store, desired),
    agent(image: string, { staleMs = minuteMs } = {}): Agent & AsyncDisposable {
      const environment = config.environments.test as KubernetesConfig;
      const agent = openAgent({ api, place, image, config: environment, trace: () => undefined, staleMs });
      return Object.assign(agent, {
        async [Symbol.asyncDispose]() {
          agent.close();
        },
      });
    },
    async [Symbol.asyncDispose]() {
      await namespace[Symbol.asyncDispose]();
    },
  };

  /** The names of the replicas of a release. */
  async function pods(release: Release): Promise<readonly string[]> {
    return (await list(release)).map(({ metadata }) => metadata?.name ?? '').sort();
  }

  async function areReady(release: Release, wanted: number): Promise<void> {
    const isReady = async () => {
      const ready = (await list(release)).filter(({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      );
      return ready.length === wanted;
    };
    await until('replicas are ready', isReady, { withinMs: minuteMs });
  }

  async function list(release: Release) {
    const own = { ...selectorOf(place), [labels.release]: releaseLabel(release.id) };
    return (await api.list(kinds.pod, { labels: own }, signal)).items;
  }
}

function writeState(store: Store, desired: Desired) {
  return store.writeState({ desired, token: 0 }, new AbortController().signal);
}

function account(place: Place): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(place, 'service', namesOf(place).service),
  };
}

function service(place: Place): KubernetesObject {
  const spec = { selector: selectorOf(place), ports: [{ name: 'http', port: 80, targetPort: portName }] };
  const metadata = metadataOf(place, 'service', namesOf(place).service);
  return { apiVersion: 'v1', kind: 'Service', metadata, spec } as KubernetesObject;
}
