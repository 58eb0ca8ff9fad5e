import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd, until } from '../local/project.ts';
import type { Load } from './load.ts';
import type { Project } from './project.ts';
import { candidateReady, serving, settled } from './serving-project.ts';

setDefaultTimeout(120_000);

const kind = await have('a cluster', findCluster);
if (kind) describe('an environment whose replicas an autoscaler counts, under load', testAutoscaled);

/**
 * The autoscaler is the cluster's own. It is moved by its bounds, which it keeps to whatever the load: to wait until
 * metrics show a load takes it a minute.
 */
function testAutoscaled(): void {
  let cluster: Cluster;
  let project: Project;
  let load: Load;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster, { environment: { replicas: 3, bake: '1s' } });
    load = await project.load();
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('the number of replicas is handed over as it is', async () => {
    project.configure({ environment: { replicas: undefined, autoscale: { min: 2, max: 5, cpu: 1000 } } });
    await using counts = await followCounts();

    await mustEnd(project.causeway('up'));

    expect(counts.seen()).toEqual([3]);
    const isAble = '--output=jsonpath={.status.conditions[?(@.type=="AbleToScale")].status}';
    await until('the autoscaler has found what it scales', async () => {
      return (await project.kubectl('get', 'hpa/shop', isAble)) === 'True';
    });
    expect((await project.causeway('drift', '--json')).json().differences).toEqual([]);
  });

  test('a rollout keeps the number to which the autoscaler has raised it', async () => {
    await bound({ minReplicas: 4 });
    await until('there are four replicas', async () => (await wanted()) === 4);
    await settled(project, { replicas: 4 });
    await bound({ minReplicas: 2 });
    await using counts = await followCounts();
    project.use('good.ts', { mark: 'of four' });

    const { json } = await mustEnd(project.causeway('deploy', '--json'));

    await endsServed(json().release, 4);
    expect(counts.seen()).toEqual([4]);
  });

  test('that goes down in the midst of a rollout: the rollout goes on with as many', async () => {
    const stable = (await project.ask()).release ?? '';
    project.configure({ environment: { bake: '3s' } });
    project.use('good.ts', { mark: 'of fewer' });
    await using counts = await followCounts();
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable);

    // As the autoscaler does it.
    await project.kubectl('scale', 'deployment/shop', '--replicas=2');

    const { json } = await mustEnd(deploy.ended);
    await endsServed(json().release, 2);
    expect(counts.seen()).toEqual([4, 2]);
  });

  test('a bad release is taken back from as many as there are', async () => {
    const stable = (await project.ask()).release ?? '';
    project.use('never-ready.ts');
    project.configure({ environment: { deadlines: { start: '4s' } } });
    await using counts = await followCounts();

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect([exitCode, json().record?.verdict]).toMatchObject([3, { cause: 'never-ready' }]);
    await endsServed(stable, 2);
    expect(counts.seen()).toEqual([2]);
  });

  test('a number in the config takes the autoscaler’s place', async () => {
    const stable = (await project.ask()).release ?? '';
    project.use('good.ts', { mark: 'of fewer' });
    project.configure({ environment: { replicas: 3, autoscale: undefined } });
    await using counts = await followCounts();

    await mustEnd(project.causeway('up'));

    await endsServed(stable, 3);
    expect(counts.seen()).toEqual([2, 3]);
    expect(await project.kubectl('get', 'hpa', '--output=name')).toBe('');
  });

  async function endsServed(release = '', replicas: number): Promise<void> {
    await settled(project, { replicas });
    expect((await project.ask()).release).toBe(release.slice(0, 7));
    expect((await load.more(100)).failures).toEqual([]);
  }

  /** From metrics, where the cluster has them, it draws nothing. */
  async function bound({ minReplicas }: { readonly minReplicas: number }): Promise<void> {
    const spec = { minReplicas, behavior: { scaleDown: { selectPolicy: 'Disabled' } } };
    await project.kubectl('patch', 'hpa/shop', '--type=merge', `--patch=${JSON.stringify({ spec })}`);
  }

  async function wanted(): Promise<number> {
    return Number(await project.kubectl('get', 'deployment/shop', '--output=jsonpath={.spec.replicas}'));
  }

  /** Every number that the Deployment is to have from now on, each change of it once. */
  async function followCounts() {
    const { server, tls } = accessTo(cluster);
    const path = `/apis/apps/v1/namespaces/${project.namespace}/deployments?watch=true&fieldSelector=metadata.name%3Dshop`;
    const ended = new AbortController();
    const response = await fetch(`${server}${path}`, { tls, signal: ended.signal });
    const counts: number[] = [];
    const reading = (async () => {
      let text = '';
      const decoder = new TextDecoder();
      for await (const part of response.body ?? []) {
        const lines = (text + decoder.decode(part, { stream: true })).split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) {
          const { object } = JSON.parse(line) as { readonly object: { readonly spec: { replicas: number } } };
          if (object.spec.replicas !== counts.at(-1)) counts.push(object.spec.replicas);
        }
      }
    })().catch(() => undefined);
    await until('the number now is known', () => counts.length > 0);
    return {
      seen: () => counts,
      async [Symbol.asyncDispose]() {
        ended.abort();
        await reading;
      },
    };
  }
}
