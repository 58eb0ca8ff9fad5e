import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster, type Node, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd, type Started, until } from '../local/project.ts';
import type { Load } from './load.ts';
import type { Project } from './project.ts';
import { candidateReady, serving, settled } from './serving-project.ts';

setDefaultTimeout(150_000);

const kind = await have('a cluster', findCluster);
if (kind === 'node') describe('in the midst of a rollout under load', testDisturbed);
if (kind === 'context') console.log('skipped: what harms a cluster: a context was given');

const awayMs = 10_000;

function testDisturbed(): void {
  let cluster: Cluster;
  let node: Node;
  let project: Project;
  let load: Load;
  let marks = 0;

  beforeAll(async () => {
    cluster = await openCluster({ isOwn: true });
    if (!cluster.node) throw new Error('it has no node of its own');
    node = cluster.node;
    project = await serving(cluster, { environment: { bake: '2s', deadlines: { start: '60s' } } });
    load = await project.load();
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]().catch(() => undefined);
    await cluster?.[Symbol.asyncDispose]();
  });

  test('the API server stops for 10 s: nothing is undone, and the rollout goes on to its end', async () => {
    const { deploy } = await rolling();

    await node.stop('kube-apiserver');
    await Bun.sleep(awayMs);
    await node.start('kube-apiserver');

    await endsGood(deploy);
  });

  test('the kubelet is restarted: the rollout goes on to its end', async () => {
    const { deploy } = await rolling();

    await node.stop('kubelet');
    await node.start('kubelet');

    await endsGood(deploy);
  });

  test('the candidate’s pod is deleted by hand: that is no fault of the release', async () => {
    const { deploy, stable } = await rolling();
    const candidate = (await project.replicas()).find(({ release }) => !release.startsWith(stable));

    await project.kubectl('delete', 'pod', candidate?.name ?? '', '--wait=false');

    await endsGood(deploy);
  });

  test('a pod of the stable release is deleted by hand: it is made again', async () => {
    const { deploy, stable } = await rolling();
    const one = (await project.replicas()).find(({ release }) => release.startsWith(stable));

    await project.kubectl('delete', 'pod', one?.name ?? '', '--wait=false');

    await endsGood(deploy);
  });

  const commands = [
    { name: 'kubectl scale', args: ['scale', 'deployment/shop', '--replicas=4'] },
    { name: 'kubectl rollout restart', args: ['rollout', 'restart', 'deployment/shop'] },
    { name: 'kubectl rollout undo', args: ['rollout', 'undo', 'deployment/shop'] },
  ];
  for (const { name, args } of commands) {
    test(`${name}: what is ours is put back, and the rollout goes on to its end`, async () => {
      const { deploy } = await rolling();

      await project.kubectl(...args);

      await endsGood(deploy);
      expect(await gate()).toEqual({ replicas: 2, available: 2, minReadySeconds: 0, notes: [] });
    });
  }

  test('kubectl rollout restart, and then it is taken out: not one stable replica is started anew', async () => {
    const before = (await project.replicas()).map(({ name }) => name).sort();
    const { deploy, stable } = await rolling({ bake: '60s' });

    await project.kubectl('rollout', 'restart', 'deployment/shop');
    await mustEnd(project.causeway('rollback', '--to', stable));
    await deploy.ended;
    await settled(project);

    expect((await project.replicas()).map(({ name }) => name).sort()).toEqual(before);
    await nothingLost();
  });

  test('another command begins a rollout: it is told of this one, and this one goes on', async () => {
    const { deploy } = await rolling();
    project.use('good.ts', { mark: 'of somebody else' });

    const other = await project.causeway('deploy', '--json');

    expect([other.exitCode, other.json().error?.code]).toEqual([1, 'rollout_running']);
    expect(other.json().error?.message).toMatch(/deploy/);
    await endsGood(deploy);
  });

  test('the node is drained: the budget keeps one stable replica, and after it the rollout ends', async () => {
    const { deploy } = await rolling();
    const drain = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=8s'];

    await cluster.tryKubectl('drain', 'causeway-node', ...drain);
    expect((await project.ask()).status).toBe(200);
    await cluster.kubectl('uncordon', 'causeway-node');

    const { exitCode, stderr } = await deploy.ended;
    expect([0, 3], stderr).toContain(exitCode ?? -1);
    await settled(project);
    await nothingLost();
  });

  /** A good rollout whose candidate is ready. */
  async function rolling({ bake = '2s' }: { readonly bake?: '2s' | '60s' } = {}) {
    const stable = (await project.ask()).release ?? '';
    marks += 1;
    project.configure({ environment: { bake } });
    project.use('good.ts', { mark: `disturbed ${marks}` });
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable);
    return { deploy, stable };
  }

  async function endsGood(deploy: Started): Promise<void> {
    const { json } = await mustEnd(deploy.ended);
    await settled(project);
    expect((await project.ask()).release).toBe(json().release?.slice(0, 7) ?? '');
    await nothingLost();
  }

  async function nothingLost(): Promise<void> {
    await load.more(100);
    expect(load.report().failures).toEqual([]);
  }

  async function gate() {
    let found: object = {};
    await until('the Deployment is at rest', async () => {
      const { spec, status } = await project.read<DeploymentFields>(
        `/apis/apps/v1/namespaces/${project.namespace}/deployments/shop`,
      );
      const { availableReplicas: available = 0, replicas = 0 } = status;
      const { minReadySeconds = 0, template } = spec;
      // What a restart by hand leaves in the template.
      const notes = Object.keys(template.metadata?.annotations ?? {});
      found = { replicas, available, minReadySeconds, notes };
      return replicas === spec.replicas && available === replicas;
    });
    return found;
  }
}

interface DeploymentFields {
  readonly spec: {
    readonly replicas: number;
    readonly minReadySeconds?: number;
    readonly template: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
  readonly status: { readonly replicas?: number; readonly availableReplicas?: number };
}
