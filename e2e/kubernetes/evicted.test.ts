import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd, until } from '../local/project.ts';
import type { Load } from './load.ts';
import type { Project, Replica } from './project.ts';
import { candidateReady, serving, settled } from './serving-project.ts';

setDefaultTimeout(120_000);

const replicas = 3;
const allowed = 201;
const refused = 429;

const kind = await have('a cluster', findCluster);
if (kind) describe('the disruption budget, under load', testEvicted);

function testEvicted(): void {
  let cluster: Cluster;
  let project: Project;
  let load: Load;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster, { environment: { replicas, bake: '2s' } });
    load = await project.load();
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('in the midst of a rollout all pods are evicted at once: one of the stable release goes, and the rollout goes on', async () => {
    const stable = (await project.ask()).release ?? '';
    const deploy = await begin('evicted at once', stable);
    const [own, others] = await podsBySide(stable);

    const statuses = await Promise.all([...own, ...others].map(evict));

    expect(statuses.slice(0, own.length).sort()).toEqual([allowed, refused, refused]);
    const { json } = await mustEnd(deploy.ended);
    await endsServed(json().release);
  });

  test('in the midst of a rollout a node is emptied: it takes the stable replicas one by one', async () => {
    const stable = (await project.ask()).release ?? '';
    const deploy = await begin('while a node is emptied', stable);
    const [own] = await podsBySide(stable);
    const left = new Set(own.map(({ name }) => name));
    const ready: number[] = [];

    await until('each of them was let go', async () => {
      for (const name of left) if ((await evict({ name })) === allowed) left.delete(name);
      const [now] = await podsBySide(stable);
      // From the verdict on they go by themselves.
      if (deploy.process.exitCode === null && !(await isJudged())) ready.push(now.filter(serves).length);
      return left.size === 0;
    });

    expect(ready.length).toBeGreaterThan(0);
    expect(Math.min(...ready)).toBeGreaterThanOrEqual(replicas - 1);
    const { json } = await mustEnd(deploy.ended);
    await endsServed(json().release);
  });

  test('after the verdict it is the new release’s', async () => {
    const release = (await project.ask()).release ?? '';
    const [own] = await podsBySide(release);

    const statuses = await Promise.all(own.map(evict));

    expect(statuses.sort()).toEqual([allowed, refused, refused]);
    await settled(project, { replicas });
    expect((await load.stop()).failures).toEqual([]);
  });

  /** A good rollout whose candidate is ready. */
  async function begin(mark: string, stable: string) {
    project.use('good.ts', { mark });
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable);
    return deploy;
  }

  /** Of the release, and the others. */
  async function podsBySide(release: string): Promise<readonly [readonly Replica[], readonly Replica[]]> {
    const all = await project.replicas();
    const isOwn = (pod: Replica) => pod.release.startsWith(release);
    return [all.filter(isOwn), all.filter((pod) => !isOwn(pod))];
  }

  /** The gate is open, or about to be. */
  async function isJudged(): Promise<boolean> {
    const state = await project.kubectl('get', 'configmap/shop-state', '--output=jsonpath={.data.desired}');
    const { rollout } = JSON.parse(state) as { readonly rollout?: { readonly judged?: object } };
    return rollout === undefined || rollout.judged !== undefined;
  }

  async function evict({ name }: Pick<Replica, 'name'>): Promise<number> {
    const { server, tls } = accessTo(cluster);
    const path = `/api/v1/namespaces/${project.namespace}/pods/${name}/eviction`;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
    const { status } = await fetch(`${server}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      tls,
    });
    // One that is gone needs no leave.
    return status === 404 ? allowed : status;
  }

  async function endsServed(release = ''): Promise<void> {
    await settled(project, { replicas });
    expect((await project.ask()).release).toBe(release.slice(0, 7));
    expect((await load.more(100)).failures).toEqual([]);
  }
}

function serves({ isReady, isLeaving }: Replica): boolean {
  return isReady && !isLeaving;
}
