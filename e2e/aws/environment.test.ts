import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { type Load, startLoad } from '../kubernetes/load.ts';
import { mustEnd, until } from '../local/project.ts';
import { type Census, type Emulator, startEmulator } from './emulator.ts';
import { joinCluster } from './join/join-cluster.ts';
import { namespaceLabel } from './load-balancing/objects.ts';
import { type LoadBalancing, startLoadBalancing } from './load-balancing/start-load-balancing.ts';
import { makeProject, type Project, stackName } from './project.ts';
import { deployStack, describeStack } from './stack.ts';
import { makeTemplates } from './templates.ts';
import { otherAccount, users } from './users.ts';

const minuteMs = 60_000;
setDefaultTimeout(3 * minuteMs);

const kind = await have('a cluster', findCluster);
const emulator = await have('the AWS emulator', () => startEmulator());

if (kind === 'context') console.log('skipped: an environment in an account: a context was given');
if (kind === 'node' && emulator) describe('an environment in an account', () => testStory(emulator));

/** From nothing to nothing, in this order; the cluster and its pods are real, AWS and its load balancer stand in. */
function testStory(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  const logGroup = `/aws/eks/${stackName}/cluster`;
  let cluster: Cluster;
  let balancing: LoadBalancing;
  let project: Project;
  let decoys: Census;
  let load: Load | undefined;

  beforeAll(async () => {
    cluster = await joinCluster(emulator);
    balancing = await startLoadBalancing(cluster, emulator, { registrationMs: 2_000, lagMs: 3_000 });
    // Somebody else's, by the same names in another account.
    const templates = await makeTemplates();
    await deployStack(emulator.as(users.elsewhere), stackName, templates.environment);
    decoys = await emulator.census({ account: otherAccount });
    project = await makeProject(emulator, { environment: { preStop: '8s' } });
    project.use('good.ts');
  }, 20 * minuteMs);

  afterAll(async () => {
    await load?.stop();
    await project?.[Symbol.asyncDispose]();
    await balancing?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    await emulator[Symbol.asyncDispose]();
  }, 2 * minuteMs);

  const releaseAt = async (url: string) => (await fetch(url)).headers.get('x-release');
  const startTraffic = () => startLoad({ host: '127.0.0.1', port: balancing.port, scale: 0.2 });

  test('up makes it from nothing, and its URL answers', async () => {
    const { stdout, stderr } = await mustEnd(project.causeway('up', '--yes'));

    expect(stdout).toContain(balancing.url.replace(/\/$/, ''));
    expect(stderr).toMatch(/price {6}\$0\.\d+ an hour/);
    const answer = await fetch(balancing.url);
    expect([answer.status, answer.headers.get('x-release') !== null]).toEqual([200, true]);
  });

  test('up again has nothing to do, and says so', async () => {
    const { stderr } = await mustEnd(project.causeway('up', '--yes'));

    expect(stderr).toContain('serves already, nothing to change');
    expect(stderr).not.toContain('price');
  });

  test('nothing but the load balancer and the agent reaches a replica, and the setting that enforces it is on', async () => {
    const setting = await cluster.kubectl(
      '-n',
      'kube-system',
      'get',
      'configmap',
      'amazon-vpc-cni',
      '-o',
      'json',
    );
    const policy = await cluster.kubectl('-n', stackName, 'get', 'networkpolicy', 'shop', '-o', 'json');

    expect(JSON.parse(setting)).toMatchObject({ data: { 'enable-network-policy-controller': 'true' } });
    const [{ from }] = JSON.parse(policy).spec.ingress;
    expect(from.map((peer: object) => Object.keys(peer)[0])).toEqual(['podSelector', 'ipBlock', 'ipBlock']);
  });

  test('who has no access entry is refused by the cluster', async () => {
    const { exitCode, json } = await project.as(users.stranger, 'status', '--json');

    expect([exitCode, json().error?.code]).toEqual([1, 'cluster_refused']);
  });

  test('who may only read the account plans, and is told that the cluster does not know them', async () => {
    const { exitCode, stdout, stderr } = await project.as(users.readOnly, 'plan');

    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('does not know your credentials');
    expect(stdout).toContain('create EKS AccessEntry');
  });

  test('plan shows what a change would change in cluster and account', async () => {
    project.configure({ replicas: 3, budget: 90 });

    const { stdout } = await mustEnd(project.causeway('plan'));

    project.configure({ replicas: 2, budget: 100 });
    expect(stdout).toMatch(/replicas: 2 → 3/);
    expect(stdout).toMatch(/update Budget \(AWS::Budgets::Budget\)/);
  });

  test('a change is deployed under load through the URL, and no request is lost', async () => {
    load = await startTraffic();
    project.use('good.ts', { mark: 'two' });

    const { json } = await mustEnd(project.causeway('deploy', '--json'));

    await load.more(50);
    expect((await load.stop()).failures).toEqual([]);
    expect(json().record?.traffic.lost).toBe(0);
    expect(await releaseAt(balancing.url)).toBe(json().release?.slice(0, 7) ?? '');
  });

  test('a bad release is taken back, and rollback returns to the one before', async () => {
    const good = await releaseAt(balancing.url);
    load = await startTraffic();
    project.use('crash-at-start.ts');
    const bad = await project.causeway('deploy', '--json');
    const after = await releaseAt(balancing.url);
    const back = await mustEnd(project.causeway('rollback', '--json'));

    await load.more(50);
    expect((await load.stop()).failures).toEqual([]);
    expect([bad.exitCode, bad.json().record?.verdict]).toMatchObject([3, { cause: 'crashed' }]);
    expect(after).toBe(good);
    expect(await releaseAt(balancing.url)).toBe(back.json().release?.slice(0, 7) ?? '');
    expect(await releaseAt(balancing.url)).not.toBe(good);
  });

  test('a change by hand is found in stack and manifests, and up puts the manifests right', async () => {
    await developer.json('Logs_20140328.PutRetentionPolicy', { logGroupName: logGroup, retentionInDays: 3 });
    await cluster.kubectl('-n', stackName, 'delete', 'targetgroupbinding', 'shop', '--wait=false');
    await cluster.kubectl('-n', stackName, 'delete', 'networkpolicy', 'shop');

    const { exitCode, json } = await project.causeway('drift', '--json');

    expect([exitCode, json().error?.code]).toEqual([1, 'drift_found']);
    expect(json().differences?.map(({ object, field }) => `${object} ${field ?? ''}`.trim())).toEqual(
      expect.arrayContaining(['AWS::Logs::LogGroup ControlPlaneLogs RetentionInDays', 'NetworkPolicy/shop']),
    );
    await until('the binding is gone', async () => {
      const { exitCode: code } = await cluster.tryKubectl(
        '-n',
        stackName,
        'get',
        'targetgroupbinding',
        'shop',
      );
      return code !== 0;
    });
    project.use('good.ts');
    await mustEnd(project.causeway('up', '--yes'));
    const left = (await project.causeway('drift', '--json')).json().differences ?? [];
    expect(left.filter(({ object }) => !object.startsWith('AWS::'))).toEqual([]);
  });

  test('without the readiness gate a rollout is refused before a stable replica goes', async () => {
    await until('the load balancer knows the pods again', async () => (await fetch(balancing.url)).ok);
    const serving = await releaseAt(balancing.url);
    await cluster.kubectl('label', 'namespace', stackName, `${namespaceLabel}-`);
    project.use('good.ts', { mark: 'ungated' });

    const { exitCode, json } = await project.causeway('deploy', '--json');

    expect([exitCode, json().error?.code]).toEqual([1, 'preflight_failed']);
    expect(json().error?.message).toContain('would not wait for the load balancer');
    expect(await releaseAt(balancing.url)).toBe(serving);
  });

  test('status tells the account, what it costs and when it ends, and up --ttl counts anew', async () => {
    // It gives the namespace its label back, too.
    await mustEnd(project.causeway('up', '--yes', '--ttl', '2h'));

    const { stdout } = await mustEnd(project.causeway('status'));

    expect(stdout).toMatch(/account +\d{12} {2}us-east-1/);
    expect(stdout).toMatch(/costs +\$0\.\d\d so far, \$0\.\d+ an hour/);
    expect(stdout).toMatch(/lives +deletes itself in (2 h|120 min|119 min)/);
  });

  test('down leaves nothing, touches nothing of others, and says that it costs nothing any more', async () => {
    const { stdout, json } = await mustEnd(project.causeway('down', '--yes', '--json'));

    expect(json().items?.every(({ isGone }) => isGone)).toBe(true);
    expect(JSON.parse(stdout).cloud.perMonth).toBe(0);
    expect(await emulator.census()).toEqual({});
    expect(await emulator.census({ account: otherAccount })).toEqual(decoys);
    expect((await describeStack(developer, stackName)).status).toBe('GONE');
  });

  test('docs/aws-permissions.md names every action that the commands have called', async () => {
    const page = await Bun.file(new URL('../../docs/aws-permissions.md', import.meta.url)).text();
    const ofTheTest = ['logs:PutRetentionPolicy'];
    const called = (await emulator.calls())
      .filter(({ key }) => key === users.developer.accessKeyId)
      .map(({ action }) => action);

    const missing = [...new Set(called)].filter(
      (action) => !page.includes(`\`${action}\``) && !ofTheTest.includes(action),
    );
    expect(missing).toEqual([]);
  });
}
