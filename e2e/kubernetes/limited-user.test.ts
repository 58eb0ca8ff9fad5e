import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';

import { join } from 'node:path';
import { type Cluster, findCluster, type Namespace, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd } from '../local/project.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { makeLimitedUser } from './limited-user.ts';
import { makeProject, type Project } from './project.ts';
import { settled } from './serving-project.ts';

setDefaultTimeout(120_000);

const kind = await have('a cluster', findCluster);
if (kind) describe('a user whose rights end at one namespace that was there before', testLimitedUser);

function testLimitedUser(): void {
  let cluster: Cluster;
  let namespace: Namespace;
  let project: Project;
  let first: string | undefined;

  beforeAll(async () => {
    cluster = await openCluster();
    namespace = await cluster.makeNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const access = await makeLimitedUser(cluster, namespace.name);
    project = await makeProject(cluster, { namespace: namespace.name });
    const { authorization = '' } = await access.headers();
    const kubeconfig = join(project.base, 'limited-kubeconfig');
    writeKubeconfig(kubeconfig, cluster, { token: authorization.replace('Bearer ', '') });
    project.env.KUBECONFIG = kubeconfig;
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await namespace?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('brings the service up there, and is told what only an administrator could make', async () => {
    const up = await mustEnd(project.causeway('up', '--json'));

    first = up.json().serves;
    expect(up.stderr).toMatch(/admission|administrator/i);
    expect((await project.ask()).release).toBe(first?.slice(0, 7) ?? '');
  });

  test('deploys, reads the history and rolls back there', async () => {
    project.use('good.ts', { mark: 'two' });
    await mustEnd(project.causeway('deploy'));
    project.use('crash-at-start.ts');
    const bad = await project.causeway('deploy', '--json');
    await mustEnd(project.causeway('rollback'));
    await settled(project);

    expect([bad.exitCode, bad.json().record?.verdict]).toMatchObject([3, { cause: 'crashed' }]);
    expect((await project.records()).map(({ kind, verdict }) => [kind, verdict.kind])).toEqual([
      ['deploy', 'good'],
      ['deploy', 'good'],
      ['deploy', 'failed'],
      ['rollback', 'good'],
    ]);
    expect((await project.ask()).release).toBe(first?.slice(0, 7) ?? '');
  });

  test('takes it down, and the namespace is left', async () => {
    const down = await mustEnd(project.causeway('down', '--yes', '--json'));

    expect((down.json().items ?? []).filter(({ isGone }) => !isGone)).toEqual([]);
    expect(await cluster.kubectl('get', 'namespace', namespace.name, '--output=name')).toContain(
      namespace.name,
    );
  });
}
