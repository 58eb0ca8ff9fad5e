import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster, type Namespace, openCluster } from '../cluster/cluster.ts';
import { web } from '../cluster/web.ts';
import { have } from '../images/have.ts';
import { mustEnd, type Started, until } from '../local/project.ts';
import { makeProject, type Project } from './project.ts';
import { candidateReady, settled } from './serving-project.ts';

setDefaultTimeout(120_000);

const kind = await have('a cluster', findCluster);
if (kind) describe('a service that another one has to answer', testEnvironmentFault);

function testEnvironmentFault(): void {
  let cluster: Cluster;
  let other: Namespace;
  let project: Project;
  let stable: string;

  beforeAll(async () => {
    cluster = await openCluster();
    other = await cluster.makeNamespace();
    await cluster.apply(...web(other, await cluster.image('web')));
    const address = await ofOther('get', 'service/web', '--output=jsonpath={.spec.clusterIP}');
    await comesBack();
    project = await makeProject(cluster, {
      service: { env: { DEPENDENCY: `http://${address}/` } },
      environment: { bake: '0s' },
    });
    project.use('needs-a-dependency.ts');
    stable = (await mustEnd(project.causeway('up', '--json'))).json().release ?? '';
    project.configure({ environment: { bake: '3s' } });
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await other?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('that one goes while the candidate is watched: the environment is called at fault, and nothing else is touched', async () => {
    const before = await names();
    project.use('needs-a-dependency.ts', { mark: 'as good as the one before' });
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable.slice(0, 7));

    await ofOther('scale', 'deployment/web', '--replicas=0');

    const says =
      /^\d+ of \d+ requests failed \(\d+ answers of 500 to \/\), of the stable release \d+ of \d+ requests$/;
    await environmentIsAtFault(deploy, says);
    expect(await names()).toEqual(before);
  });

  test('that one is gone before the candidate is ready: the environment is called at fault as well', async () => {
    const before = await names();
    project.configure({ environment: { deadlines: { start: '5s' } } });
    const deploy = project.start('deploy', '--json');

    const says = /^not ready in 5\.0 s: \/ answered 500; of the stable release \d+ of \d+ requests failed$/;
    await environmentIsAtFault(deploy, says);
    expect(await names()).toEqual(before);
  });

  test('that one is back: the same release is found good', async () => {
    await ofOther('scale', 'deployment/web', '--replicas=1');
    await comesBack();
    project.configure({ environment: { bake: '1s', deadlines: { start: '20s' } } });

    const { json } = await mustEnd(project.causeway('deploy', '--json'));

    expect(json().record?.verdict).toEqual({ kind: 'good' });
    expect((await project.ask()).status).toBe(200);
    const ended = (await project.records()).map(({ verdict }) =>
      verdict.kind === 'failed' ? verdict.cause : verdict.kind,
    );
    expect(ended).toEqual(['good', 'environment', 'environment', 'good']);
  });

  async function environmentIsAtFault(deploy: Started, says: RegExp): Promise<void> {
    const { exitCode, stderr, json } = await deploy.ended;
    const { error, record, serves, release = '' } = json();
    expect([exitCode, error?.code], stderr).toEqual([3, 'rollout_failed']);
    expect(error?.message).toContain(
      `release ${release.slice(0, 7)} was taken back, though the environment is at fault`,
    );
    expect(record).toMatchObject({
      verdict: { kind: 'failed', cause: 'environment', message: expect.stringMatching(says) },
      traffic: { lost: 0 },
    });
    expect(serves).toBe(stable);
    await settled(project);
  }

  function ofOther(...args: readonly string[]): Promise<string> {
    return cluster.kubectl('--namespace', other.name, ...args);
  }

  async function comesBack(): Promise<void> {
    await ofOther('rollout', 'status', 'deployment/web', '--timeout=60s');
    const path = `/api/v1/namespaces/${other.name}/services/web:80/proxy/`;
    await until('it answers', async () => (await cluster.tryKubectl('get', '--raw', path)).exitCode === 0);
  }

  /** Of the pods that do not leave. */
  async function names(): Promise<readonly string[]> {
    const standing = (await project.replicas()).filter(({ isLeaving }) => !isLeaving);
    return standing.map(({ name }) => name).sort();
  }
}
