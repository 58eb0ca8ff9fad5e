import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { IPod } from 'kubernetes-models/v1';
import type { Failure, LoadReport } from '../../src/load/report.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd, until } from '../local/project.ts';
import type { Load } from './load.ts';
import type { Project } from './project.ts';
import { serving, settled } from './serving-project.ts';

setDefaultTimeout(120_000);

/** Good until it is asked to be bad; health checks go well on. */
const turnsBad = `import { isHealthCheck, serve } from './serve.ts';

let isBad = false;
serve({
  mark: 'turns bad',
  answer(request) {
    if (new URL(request.url).pathname === '/turn-bad') isBad = true;
    return isBad && !isHealthCheck(request) ? new Response('pool is empty\\n', { status: 500 }) : undefined;
  },
});
`;

const kind = await have('a cluster', findCluster);
if (kind) describe('a rollout without room for all replicas twice, under load', testSurge);

function testSurge(): void {
  let cluster: Cluster;
  let project: Project;
  let load: Load;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster, {
      environment: { replicas: 3, surge: 'one', deadlines: { start: '60s' } },
    });
    load = await project.load();
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('with room for one more, they take each other’s places, and no user sees it', async () => {
    project.use('good.ts', { mark: 'with one more' });
    await using pods = await followPods();

    const { json } = await mustEnd(project.causeway('deploy', '--json'));

    await endsServed(json().release, 3);
    expect(pods.most()).toBe(4);
    expect(pods.fewestServing()).toBeGreaterThanOrEqual(3);
    expect((await load.more(100)).failures).toEqual([]);
  });

  test('with room for one more, one that turns bad later is taken back, and no request is lost', async () => {
    const stable = (await project.ask()).release ?? '';
    await using pods = await followPods();

    await turnBadMidway(pods, stable);

    await endsServed(stable, 3);
    expect(pods.most()).toBe(4);
    expect(pods.fewestServing()).toBeGreaterThanOrEqual(3);
    expect(await failuresBesideErrors()).toEqual([]);
  });

  test('without room, in a namespace whose quota is used up, one makes room, none can be evicted, and no user sees it', async () => {
    project.configure({ environment: { surge: 'none', replicas: 2 } });
    await mustEnd(project.causeway('up'));
    expect(await field('deployment/shop', '{.spec.strategy.rollingUpdate}')).toBe(
      '{"maxSurge":0,"maxUnavailable":1}',
    );
    await settled(project, { replicas: 2 });
    const before = load.report();
    project.use('good.ts', { mark: 'without room' });
    await cluster.apply(podsAtMost(2 + 1));
    const stable = (await project.ask()).release ?? '';
    await using pods = await followPods();
    const deploy = project.start('deploy', '--json');
    await until('one has given way', () => pods.serving().some(isCandidateOf(stable)));

    const refusals = await Promise.all(pods.serving().map(evict));

    expect(new Set(refusals)).toEqual(new Set([429]));
    const { json } = await mustEnd(deploy.ended);
    await project.kubectl('delete', 'resourcequota/room');
    await endsServed(json().release, 2);
    expect(pods.most()).toBe(2);
    expect(pods.fewestServing()).toBeGreaterThanOrEqual(1);
    expect((await load.more(100)).requests).toBeGreaterThan(before.requests);
    expect(failuresOf(load.report())).toEqual(failuresOf(before));
  });

  test('without room, one that turns bad later is taken back, and no request is lost', async () => {
    const stable = (await project.ask()).release ?? '';
    await using pods = await followPods();

    await turnBadMidway(pods, stable);

    await endsServed(stable, 2);
    expect(pods.most()).toBe(2);
    expect(pods.fewestServing()).toBeGreaterThanOrEqual(1);
    expect(await failuresBesideErrors()).toEqual([]);
    expect((await load.stop()).stray).toBe(0);
  });

  type Pods = Awaited<ReturnType<typeof followPods>>;

  /** Once the second replica of it serves, which is after the first was watched. */
  async function turnBadMidway(pods: Pods, stable: string): Promise<void> {
    project.write('service.ts', turnsBad);
    const deploy = project.start('deploy', '--json');
    const candidates = () => pods.serving().filter(isCandidateOf(stable));
    await until('two of it serve', () => candidates().length > 1);

    for (const { status } of candidates()) await fetch(`http://${status?.podIP}:8080/turn-bad`);

    const { exitCode, stderr, json } = await deploy.ended;
    expect([exitCode, json().record?.verdict], stderr).toMatchObject([3, { cause: 'errors' }]);
    expect(json().record?.traffic.lost).toBe(0);
    expect(json().serves).toStartWith(stable);
  }

  /** What its users see of a release that is bad are its answers; whatever else failed is told with its time. */
  async function failuresBesideErrors(): Promise<readonly Failure[]> {
    const { failures } = await load.more(100);
    return failures.filter(({ cause }) => cause !== 'other-5xx');
  }

  function failuresOf({ failed, failures }: LoadReport): object {
    return { failed, failures };
  }

  async function endsServed(release = '', replicas: number): Promise<void> {
    await settled(project, { replicas });
    expect((await project.ask()).release).toBe(release.slice(0, 7));
    expect(await field('poddisruptionbudget/shop', '{.spec.maxUnavailable}')).toBe('1');
  }

  function field(object: string, path: string): Promise<string> {
    return project.kubectl('get', object, `--output=jsonpath=${path}`);
  }

  async function evict({ metadata }: IPod): Promise<number> {
    const { server, tls } = accessTo(cluster);
    const path = `/api/v1/namespaces/${project.namespace}/pods/${metadata?.name}/eviction`;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata?.name } };
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${server}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      tls,
    });
    return response.status;
  }

  /** Of the namespace, the agent's among them. */
  function podsAtMost(pods: number): object {
    return {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'room', namespace: project.namespace },
      spec: { hard: { pods: String(pods) } },
    };
  }

  /** The pods of the service that do not leave, at every change from now on. */
  async function followPods() {
    const { server, tls } = accessTo(cluster);
    const selector = encodeURIComponent('app.kubernetes.io/name=shop,app.kubernetes.io/component=service');
    const path = `${server}/api/v1/namespaces/${project.namespace}/pods?labelSelector=${selector}`;
    const list = (await (await fetch(path, { tls })).json()) as PodList;
    const pods = new Map(list.items.map((pod) => [pod.metadata?.uid, pod]));
    const standing = () => [...pods.values()].filter((pod) => pod.metadata?.deletionTimestamp === undefined);
    const serves = () => standing().filter(isReady);
    // A pod is made a moment before the one is told to leave in whose place it comes: by controllers of their own.
    const runs = () => standing().filter(({ status }) => status?.phase === 'Running');
    let most = runs().length;
    let fewest = serves().length;
    const ended = new AbortController();
    const from = `${path}&watch=true&resourceVersion=${list.metadata.resourceVersion}`;
    const response = await fetch(from, { tls, signal: ended.signal });
    const reading = (async () => {
      let text = '';
      const decoder = new TextDecoder();
      for await (const part of response.body ?? []) {
        const lines = (text + decoder.decode(part, { stream: true })).split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) {
          const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: IPod };
          if (type === 'DELETED') pods.delete(object.metadata?.uid);
          else pods.set(object.metadata?.uid, object);
          most = Math.max(most, runs().length);
          fewest = Math.min(fewest, serves().length);
        }
      }
    })().catch((error: unknown) => {
      if (!ended.signal.aborted) throw error;
    });
    return {
      most: () => most,
      fewestServing: () => fewest,
      serving: serves,
      async [Symbol.asyncDispose]() {
        ended.abort();
        await reading;
      },
    };
  }
}

interface PodList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly IPod[];
}

function isReady({ status }: IPod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

function isCandidateOf(stable: string): (pod: IPod) => boolean {
  return ({ metadata }) => !metadata?.labels?.['causeway.dev/release']?.startsWith(stable);
}
