import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd, until } from '../local/project.ts';
import { type ApiProxy, openApiProxy } from './api-proxy.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Load } from './load.ts';
import type { Project } from './project.ts';
import { candidateReady, serving, settled } from './serving-project.ts';

setDefaultTimeout(120_000);

const watched = ['deployments', 'events', 'pods', 'replicasets'];

const kind = await have('a cluster', findCluster);
if (kind) describe('every watch expires in the midst of a rollout under load', testExpired);

function testExpired(): void {
  const folder = mkdtempSync(join(realpathSync('/tmp'), 'cw-proxy-'));
  let cluster: Cluster;
  let proxy: ApiProxy;
  let project: Project;
  let load: Load;
  let stable: string;

  beforeAll(async () => {
    cluster = await openCluster();
    proxy = await openApiProxy(cluster, folder);
    const kubeconfig = join(folder, 'kubeconfig');
    writeKubeconfig(kubeconfig, cluster, proxy);
    project = await serving(cluster, { kubeconfig, environment: { bake: '2s' } });
    stable = (await project.ask()).release ?? '';
    load = await project.load();
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a release that crashes after it is found out and taken back', async () => {
    project.use('crash-under-traffic.ts');
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable);

    proxy.expireWatches('next');
    const { exitCode, stderr, json } = await deploy.ended;

    const { verdict, traffic } = json().record ?? {};
    expect([exitCode, verdict?.kind, traffic?.lost], stderr).toEqual([3, 'failed', 0]);
    // Its failed requests may be seen before the end that the watch did not tell.
    expect(['crashed', 'errors'], stderr).toContain(verdict?.kind === 'failed' ? verdict.cause : '');
    expect(proxy.expired()).toEqual(watched);
    await settled(project);
    expect((await project.ask()).release).toBe(stable);
  });

  test('a good release is brought to its end', async () => {
    const before = load.report();
    project.use('good.ts', { mark: 'watched anew' });
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable);

    proxy.expireWatches('next');
    const { json } = await mustEnd(deploy.ended);

    expect(proxy.expired()).toEqual(watched);
    await endsServed(json().release, before.failed);
  });

  test('and each one that is begun anew: a good release is brought to its end all the same', async () => {
    const before = load.report();
    project.use('good.ts', { mark: 'never watched' });
    proxy.expireWatches('all');

    const { json } = await mustEnd(project.causeway('deploy', '--json'));

    expect(proxy.expired()).toEqual(watched);
    await endsServed(json().release, before.failed);
  });

  async function endsServed(release: string | undefined, failedBefore: number): Promise<void> {
    await settled(project);
    await until('it serves', async () => (await project.ask()).release === release?.slice(0, 7));
    expect((await load.more(100)).failed).toBe(failedBefore);
  }
}
