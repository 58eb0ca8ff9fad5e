import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { allRights } from '../../src/kubernetes/rights/rights.ts';
import { findFreePort } from '../../src/local/free-port.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustRun } from '../images/run-program.ts';
import { mustEnd, until } from '../local/project.ts';
import { type KubeconfigChanges, writeKubeconfig } from './kubeconfig.ts';
import { makeLimitedUser } from './limited-user.ts';
import { makeProject, type Project, type ProjectOptions } from './project.ts';
import { candidateReady, serving } from './serving-project.ts';

setDefaultTimeout(120_000);

const kind = await have('a cluster', findCluster);
if (kind) {
  describe('what serves still serves, and the error says what it is', testServing);
  describe('nothing is made, and the error says what it is', testFresh);
}

function testServing(): void {
  let cluster: Cluster;
  let project: Project;
  let other: Project;
  let stable: string | null;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster);
    stable = (await project.ask()).release;
    project.use('good.ts', { mark: 'never rolled out' });
  }, 20 * 60_000);

  afterAll(async () => {
    await other?.[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const kubeconfigs: readonly {
    readonly what: string;
    readonly changes: () => Promise<KubeconfigChanges>;
    readonly exit: number;
    readonly code: string;
    readonly says: RegExp;
  }[] = [
    {
      what: 'an API server that nobody runs',
      changes: async () => ({ server: `https://127.0.0.1:${findFreePort()}` }),
      exit: 5,
      code: 'environment_unreachable',
      says: /127\.0\.0\.1:\d+/,
    },
    {
      what: 'a token that the cluster does not know',
      changes: async () => ({ token: 'eyJhbGciOiJub25lIn0.e30.' }),
      exit: 1,
      code: 'cluster_refused',
      says: /401|credentials|Unauthorized/i,
    },
    {
      what: 'an authority that did not sign the server’s certificate',
      changes: async () => ({ ca: await otherAuthority() }),
      exit: 1,
      code: 'cluster_untrusted',
      says: /certificate/i,
    },
  ];
  for (const { what, changes, exit, code, says } of kubeconfigs) {
    test(what, async () => {
      const path = join(project.base, 'another kubeconfig');
      writeKubeconfig(path, cluster, await changes());
      const before = project.env.KUBECONFIG ?? '';
      project.env.KUBECONFIG = path;

      const ended = await project.causeway('deploy', '--json');
      project.env.KUBECONFIG = before;

      const { error } = ended.json();
      expect([ended.exitCode, error?.code], ended.stderr).toEqual([exit, code]);
      expect(error?.message).toMatch(says);
      expect(error?.hint).not.toBe('');
      expect((await project.ask()).release).toBe(stable);
    });
  }

  test('a user who lacks the right to one kind of object', async () => {
    const rights = allRights().filter(({ resource }) => resource !== 'poddisruptionbudgets');
    const { headers } = await makeLimitedUser(cluster, project.namespace, rights);
    const { authorization = '' } = await headers();
    const path = join(project.base, 'kubeconfig of few rights');
    writeKubeconfig(path, cluster, { token: authorization.replace('Bearer ', '') });
    const before = project.env.KUBECONFIG ?? '';
    project.env.KUBECONFIG = path;

    const ended = await project.causeway('deploy', '--json');
    project.env.KUBECONFIG = before;

    const { error } = ended.json();
    expect([ended.exitCode, error?.code], ended.stderr).toEqual([1, 'preflight_failed']);
    expect(error?.message).toMatch(/^you may not .* poddisruptionbudgets\.policy in namespace /);
    expect((await project.ask()).release).toBe(stable);
  });

  test('a context that no kubeconfig has', async () => {
    project.configure({ environment: { context: 'causeway-k9s' } });

    const ended = await project.causeway('deploy', '--json');
    project.configure({ environment: { context: cluster.context } });

    const { error } = ended.json();
    expect([ended.exitCode, error?.code]).toEqual([2, 'context_missing']);
    expect(error?.message).toContain('causeway-k9s');
    expect((await project.ask()).release).toBe(stable);
  });

  test('a quota that has no room for both releases', async () => {
    await cluster.apply(quota({ pods: '3' }));
    await inForce('2');

    const ended = await project.causeway('deploy', '--json');
    await project.kubectl('delete', 'resourcequota/tight');

    const { error } = ended.json();
    expect([ended.exitCode, error?.code], ended.stderr).toEqual([1, 'preflight_failed']);
    expect(error?.message).toMatch(/quota/);
    expect((await project.ask()).release).toBe(stable);
  });

  test('a quota that there is room in no more once one candidate runs', async () => {
    project.configure({ environment: { bake: '3s' } });
    const deploy = project.start('deploy', '--json');
    await candidateReady(project, stable ?? '');

    const running = ['get', 'pods', '--field-selector=status.phase=Running', '--output=name'];
    const pods = String((await project.kubectl(...running)).trim().split('\n').length);
    await cluster.apply(quota({ pods }));
    await inForce(pods);
    const { exitCode, stderr, json } = await deploy.ended;
    await project.kubectl('delete', 'resourcequota/tight');
    project.configure({ environment: { bake: '1s' } });

    const { error, record } = json();
    expect([exitCode, error?.code], stderr).toEqual([3, 'rollout_failed']);
    expect(record).toMatchObject({
      verdict: {
        kind: 'failed',
        cause: 'refused',
        message: expect.stringMatching(/^the namespace's quota refused it: exceeded quota: tight, /),
      },
      traffic: { lost: 0 },
    });
    expect((await project.ask()).release).toBe(stable);
  });

  test('a registry that the nodes do not reach, until the config names another', async () => {
    using registry = openRegistryHere(cluster);
    project.use('good.ts', { mark: 'in a registry that the nodes do not reach' });
    project.configure({
      image: { repository: `${registry.name}/shop` },
      environment: { deadlines: { start: '8s' } },
    });

    const ended = await project.causeway('deploy', '--json');
    project.configure({
      image: { repository: project.repository },
      environment: { deadlines: { start: '20s' } },
    });
    const { release: still } = await project.ask();
    const again = await mustEnd(project.causeway('deploy', '--json'));

    const { record, release } = ended.json();
    expect([ended.exitCode, record], ended.stderr).toMatchObject([
      3,
      {
        verdict: { kind: 'failed', cause: 'image', message: expect.stringContaining(registry.name) },
        traffic: { lost: 0 },
      },
    ]);
    expect(still).toBe(stable);
    expect(again.json().release).toBe(release ?? '');
    stable = (await project.ask()).release;
    expect(release).toStartWith(stable ?? '?');
  });

  test('its Service deleted by hand: status tells it, and up makes it again', async () => {
    await project.kubectl('delete', 'service/shop');

    const status = await project.causeway('status', '--json');
    await mustEnd(project.causeway('up'));

    expect(status.json()).toMatchObject({
      state: 'degraded',
      because: expect.stringContaining('its Service is gone'),
    });
    expect((await project.ask()).release).toBe(stable);
  });

  test('its state deleted by hand: up takes in what runs, and takes a bad release back', async () => {
    await project.kubectl('delete', 'configmap/shop-state');
    project.use('crash-at-start.ts');

    const ended = await project.causeway('up', '--json');

    const { error } = ended.json();
    expect([ended.exitCode, error?.code], ended.stderr).toEqual([3, 'rollout_failed']);
    expect((await project.ask()).release).toBe(stable);
    expect((await project.causeway('status', '--json')).json()).toMatchObject({ state: 'serving' });
  });

  test('two rollouts at once from two machines: one goes on, the other is told of it', async () => {
    project.use('good.ts', { mark: 'of one machine' });
    project.configure({ environment: { bake: '2s' } });

    const both = await Promise.all([project.causeway('deploy', '--json'), deployElsewhere()]);

    const codes = both.map(({ exitCode, json }) => (exitCode === 0 ? 'good' : json().error?.code)).sort();
    expect(codes).toEqual(['good', 'rollout_running']);
    expect((await project.ask()).release).not.toBe(stable);
  });

  function quota(hard: Readonly<Record<string, string>>): object {
    const metadata = { name: 'tight', namespace: project.namespace };
    return { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } };
  }

  /** A quota counts once its controller has counted what there is. */
  async function inForce(pods: string): Promise<void> {
    const used = ['get', 'resourcequota/tight', '--output=jsonpath={.status.used.pods}'];
    await until('the quota is in force', async () => (await project.kubectl(...used)) === pods);
  }

  /** Of another folder, with another change. */
  async function deployElsewhere() {
    other = await makeProject(cluster, {
      namespace: project.namespace,
      image: { repository: project.repository },
    });
    other.use('good.ts', { mark: 'of another machine' });
    return other.causeway('deploy', '--json');
  }
}

function testFresh(): void {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await openCluster();
  }, 20 * 60_000);

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  test('a namespace of another project of Causeway', async () => {
    await using there = await cluster.makeNamespace({
      'app.kubernetes.io/name': 'another',
      'app.kubernetes.io/managed-by': 'causeway',
      'causeway.dev/environment': 'test',
    });

    expect(await upFails({ namespace: there.name })).toMatchObject({
      exitCode: 1,
      code: 'namespace_taken',
      message: expect.stringContaining(there.name),
    });
  });

  test('a Service of that name that another tool made', async () => {
    await using there = await cluster.makeNamespace();
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'shop',
        namespace: there.name,
        labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      },
      spec: { selector: { app: 'theirs' }, ports: [{ port: 80 }] },
    });

    expect(await upFails({ namespace: there.name })).toMatchObject({
      exitCode: 1,
      code: 'namespace_taken',
      message: expect.stringContaining('shop'),
    });
    const found = await cluster.kubectl('--namespace', there.name, 'get', 'service/shop', '--output=json');
    expect(JSON.parse(found)).toMatchObject({ spec: { selector: { app: 'theirs' } } });
  });

  test('a namespace that is on its way out', async () => {
    const { name } = await cluster.makeNamespace();
    const held = { name: 'held', namespace: name, finalizers: ['example.com/held'] };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: held });
    await cluster.kubectl('delete', 'namespace', name, '--wait=false');

    const ended = await upFails({ namespace: name });
    await cluster.kubectl(
      '--namespace',
      name,
      'patch',
      'configmap/held',
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    );

    expect(ended).toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/terminat|going|removed|deleted/i),
    });
  });

  test('a registry that nobody runs', async () => {
    const ended = await upFails({
      image: { repository: `127.0.0.1:${findFreePort()}/shop` },
    });

    expect(ended).toMatchObject({ exitCode: 1, code: 'registry_unreachable' });
  });

  async function upFails(options: ProjectOptions) {
    await using project = await makeProject(cluster, options);
    const { exitCode, json } = await project.causeway('up', '--json');
    return { exitCode, ...json().error };
  }
}

/** The cluster's registry, at a port of this machine's alone. */
function openRegistryHere({ registry }: Cluster) {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      const body = await request.arrayBuffer();
      return fetch(`http://${registry}${pathname}${search}`, {
        method,
        headers,
        ...(body.byteLength === 0 ? {} : { body }),
      });
    },
  });
  return { name: `127.0.0.1:${server.port}`, [Symbol.dispose]: () => void server.stop(true) };
}

async function otherAuthority(): Promise<string> {
  const make = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  return mustRun([...make, '-keyout', '/dev/null', '-subj', '/CN=another', '-days', '1']);
}
