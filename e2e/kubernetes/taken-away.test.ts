import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd } from '../local/project.ts';
import type { Project } from './project.ts';
import { candidateReady, serving, settled } from './serving-project.ts';

setDefaultTimeout(150_000);

const kind = await have('a cluster', findCluster);
if (kind) describe('what a rollout leans on is taken away in its midst', testTakenAway);

function testTakenAway(): void {
  let cluster: Cluster;
  let project: Project;
  let marks = 0;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster, { environment: { bake: '3s' } });
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const objects = [
    { what: 'its Service', args: ['service/shop'], told: /^Service shop was deleted and put back$/ },
    {
      what: 'the list of images that may run',
      args: ['configmap/shop-admitted'],
      told: /^ConfigMap shop-admitted, .* put back$/,
    },
    {
      what: 'its account',
      args: ['serviceaccount/shop'],
      told: /^ServiceAccount shop was deleted and put back$/,
    },
    { what: 'its state', args: ['configmap/shop-state'], told: /^the state of .* put back$/ },
    { what: 'the releases that are kept', args: ['configmap', '--selector=causeway.dev/keeps=release'] },
  ];
  for (const { what, args, told } of objects) {
    test(`${what}: it is put back, the release is found good, and nothing counts as lost`, async () => {
      const { deploy } = await rolling();

      await project.kubectl('delete', ...args);

      const { json } = await mustEnd(deploy.ended);
      await settled(project);
      const { release = '' } = json();
      expect((await project.ask()).release).toBe(release.slice(0, 7));
      const [record] = (await project.records()).slice(-1);
      expect(record).toMatchObject({ release, verdict: { kind: 'good' }, traffic: { lost: 0 } });
      if (told) expect(record?.disturbances ?? []).toContainEqual(expect.stringMatching(told));
      await project.kubectl('get', ...args);
    });
  }

  test('the state is cut short by hand: it is put back, and the release is found good', async () => {
    const { deploy } = await rolling();

    await project.kubectl('patch', 'configmap/shop-state', '--patch', '{"data":{"desired":"{\\"repl"}}');

    await mustEnd(deploy.ended);
    expect((await project.causeway('status', '--json')).json().state).toBe('serving');
  });

  test('the releases, and then the command: the next one puts back the same replicas', async () => {
    await settled(project);
    const before = (await project.replicas()).map(({ name }) => name).sort();
    const { deploy, stable } = await rolling({ bake: '60s' });

    await project.kubectl('delete', 'configmap', '--selector=causeway.dev/keeps=release');
    deploy.process.kill('SIGKILL');
    await deploy.ended;
    await mustEnd(project.causeway('rollback', '--to', stable));
    await settled(project);

    expect((await project.replicas()).map(({ name }) => name).sort()).toEqual(before);
    expect((await project.causeway('status', '--json')).json().state).toBe('serving');
  });

  /** A good rollout whose candidate is ready. */
  async function rolling({ bake = '3s' }: { readonly bake?: '3s' | '60s' } = {}) {
    const stable = (await project.ask()).release ?? '';
    marks += 1;
    project.configure({ environment: { bake } });
    project.use('good.ts', { mark: `taken away ${marks}` });
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable);
    return { deploy, stable };
  }
}
