import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster } from '../../cluster/cluster.ts';
import { podSpec } from '../../cluster/web.ts';
import { have } from '../../images/have.ts';
import { startLoad } from '../../kubernetes/load.ts';
import { until } from '../../local/project.ts';
import { type Emulator, startEmulator } from '../emulator.ts';
import { joinCluster } from '../join/join-cluster.ts';
import { deployStack } from '../stack.ts';
import { makeTemplates } from '../templates.ts';
import { users } from '../users.ts';
import { type LoadBalancing, startLoadBalancing } from './start-load-balancing.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

const kind = await have('a cluster', findCluster);
const emulator = await have('the AWS emulator', () => startEmulator());

if (kind === 'context') console.log('skipped: load balancing beside a cluster: a context was given');
if (kind === 'node' && emulator) describe('the stand-in for load balancing', () => testBalancing(emulator));

const gate = 'target-health.eks.amazonaws.com/web';
/** Some times as fast as AWS, with the same proportion: what comes takes longer than what goes. */
const slowness = { registrationMs: 3_000, lagMs: 1_000 };
/** Longer than requests still come, and the last of them takes. */
const longEnoughSeconds = 3;

function testBalancing(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  let cluster: Cluster;
  let balancing: LoadBalancing;
  let image = '';
  let targetGroup = '';

  beforeAll(async () => {
    cluster = await joinCluster(emulator);
    balancing = await startLoadBalancing(cluster, emulator, slowness);
    image = await cluster.image('web');
    const { environment } = await makeTemplates();
    const { outputs } = await deployStack(developer, 'shop-production', environment);
    expect(outputs.Url).toBe(balancing.url);
    targetGroup = outputs.TargetGroupArn ?? '';
  }, 20 * minuteMs);

  afterAll(async () => {
    await balancing?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    await emulator[Symbol.asyncDispose]();
  });

  test('gives pods a gate that are made after their binding, and makes them ready once they get requests', async () => {
    await using web = await makeWeb({ replicas: 0 });
    await web.scale(1);

    await web.isReady();

    expect(await web.pods('{.items[*].spec.readinessGates[*].conditionType}')).toBe(gate);
    expect(await web.pods(`{.items[*].status.conditions[?(@.type=="${gate}")].status}`)).toBe('True');
    expect(states()).toEqual(['healthy']);
    expect(await get()).toMatch(/^200 version=one pod=web-/);
  });

  test('gives none to pods that were there before, nor where the namespace does not ask for it', async () => {
    {
      await using web = await makeWeb({ replicas: 1, labels: {} });
      await web.isReady();
      expect(await web.pods('{.items[*].spec.readinessGates}')).toBe('');
      await until('its pod is a target all the same', async () => (await get()).startsWith('200 '));
    }
    await using web = await makeWeb({ replicas: 1, isBound: false });
    await web.isReady();

    await web.bind();

    await until('its pod is a target', async () => (await get()).startsWith('200 '));
    expect(await web.pods('{.items[*].spec.readinessGates}')).toBe('');
  });

  test('comes from its own subnet, which a network policy can let in alone', async () => {
    await using web = await makeWeb({ replicas: 1 });
    await cluster.apply(onlyFrom(web.namespace, '10.42.255.0/27'));
    await web.isReady();
    await until('it answers', async () => (await get()).startsWith('200 '));

    await cluster.apply(onlyFrom(web.namespace, '10.42.255.32/27'));

    await until('it is unhealthy', () => states().join() === 'unhealthy');
    expect(await web.pods(`{.items[*].status.conditions[?(@.type=="${gate}")].reason}`)).toBe(
      'Target.FailedHealthChecks',
    );
  });

  test('loses no request in a rollout whose pods have the gate and stay until the last request came', async () => {
    await using web = await makeWeb({ replicas: 2, staySeconds: longEnoughSeconds });
    await web.isReady();
    await until('both are given requests', () => states().join() === 'healthy,healthy');
    await using load = await startLoad({ host: '127.0.0.1', port: balancing.port, scale: 0.3 });

    await web.change('two');
    await until('only the new ones are', () => states().join() === 'healthy,healthy', { withinMs: minuteMs });

    const { failed, causes, requests } = await load.stop();
    expect({ failed, causes }).toMatchObject({ failed: 0 });
    expect(requests).toBeGreaterThan(500);
    expect(await get()).toMatch(/^200 version=two /);
  });

  test('loses requests in the same rollout without the gate', async () => {
    await using web = await makeWeb({ replicas: 2, staySeconds: longEnoughSeconds, labels: {} });
    await web.isReady();
    await until('both are given requests', () => states().join() === 'healthy,healthy');
    await using load = await startLoad({ host: '127.0.0.1', port: balancing.port, scale: 0.3 });

    await web.change('two');
    await until('only the new ones are', () => states().join() === 'healthy,healthy', { withinMs: minuteMs });

    expect((await load.stop()).failed).toBeGreaterThan(0);
  });

  test('loses requests when pods end while it still sends them some', async () => {
    await using web = await makeWeb({ replicas: 2, staySeconds: 0 });
    await web.isReady();
    await until('both are given requests', () => states().join() === 'healthy,healthy');
    await using load = await startLoad({ host: '127.0.0.1', port: balancing.port, scale: 0.3 });

    await web.change('two');
    await until('only the new ones are', () => states().join() === 'healthy,healthy', { withinMs: minuteMs });

    const { failed, causes } = await load.stop();
    expect(failed).toBeGreaterThan(0);
    expect(causes['502']).toBeGreaterThan(0);
  });

  test('registers nothing in a group that is not tagged for a cluster, and says so', async () => {
    const untagged = { 'ResourceArns.member.1': targetGroup, 'TagKeys.member.1': 'eks:eks-cluster-name' };
    await developer.query('elasticloadbalancing', 'RemoveTags', untagged);
    await using web = await makeWeb({ replicas: 1 });

    try {
      await until('it is said', async () => (await web.events()).includes('RegisterTargets'));
      expect(await get()).toStartWith('503 ');
    } finally {
      await developer.query('elasticloadbalancing', 'AddTags', {
        'ResourceArns.member.1': targetGroup,
        'Tags.member.1.Key': 'eks:eks-cluster-name',
        'Tags.member.1.Value': 'shop-production',
      });
    }
    await web.isReady();
    expect(await get()).toStartWith('200 ');
  });

  test('lets go of its targets when their binding is deleted, which ends then', async () => {
    await using web = await makeWeb({ replicas: 1 });
    await web.isReady();

    await cluster.kubectl('--namespace', web.namespace, 'delete', 'targetgroupbinding/web', '--timeout=10s');

    await until('nothing answers', async () => (await get()).startsWith('503 '));
  });

  /** Of targets that requests are still sent to, or will be. */
  function states(): readonly string[] {
    return balancing.targets().flatMap(({ state }) => (state === 'draining' ? [] : [state]));
  }

  async function get(): Promise<string> {
    const answer = await fetch(balancing.url);
    return `${answer.status} ${await answer.text()}`;
  }

  interface WebOptions {
    readonly replicas: number;
    /** Of the namespace. */
    readonly labels?: Readonly<Record<string, string>>;
    readonly isBound?: boolean;
    /** How long a pod goes on before it is asked to end. */
    readonly staySeconds?: number;
  }

  /** `images/web` behind a service, bound before there are pods. */
  async function makeWeb({
    replicas,
    labels = { 'eks.amazonaws.com/pod-readiness-gate-inject': 'enabled' },
    isBound = true,
    staySeconds = 1,
  }: WebOptions) {
    const { name: namespace, ...made } = await cluster.makeNamespace(labels);
    const kubectl = (...args: readonly string[]) => cluster.kubectl('--namespace', namespace, ...args);
    const deployment = deploymentOf({ namespace, image, replicas, staySeconds });
    const bind = () => cluster.apply(bindingOf(namespace, targetGroup));
    await cluster.apply(serviceOf(namespace));
    if (isBound) await bind();
    await cluster.apply(deployment);
    return {
      namespace,
      bind,
      scale: (count: number) => kubectl('scale', 'deployment/web', `--replicas=${count}`),
      isReady: () => kubectl('rollout', 'status', 'deployment/web', '--timeout=60s'),
      async change(version: string) {
        await kubectl('set', 'env', 'deployment/web', `VERSION=${version}`);
        await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
      },
      pods: (output: string) => kubectl('get', 'pods', `--output=jsonpath=${output}`),
      events: () => kubectl('get', 'events', '--output=jsonpath={.items[*].message}'),
      async [Symbol.asyncDispose]() {
        await cluster.tryKubectl('--namespace', namespace, 'delete', 'targetgroupbinding', '--all');
        await made[Symbol.asyncDispose]();
        await until('nothing is sent to its pods', () => states().length === 0, { withinMs: minuteMs });
      },
    };
  }
}

interface DeploymentOptions {
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
  readonly staySeconds: number;
}

function deploymentOf({ namespace, image, replicas, staySeconds }: DeploymentOptions) {
  const { containers, ...spec } = podSpec(image);
  const lifecycle = staySeconds > 0 ? { preStop: { sleep: { seconds: staySeconds } } } : undefined;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { ...spec, containers: containers.map((container) => ({ ...container, lifecycle })) },
      },
    },
  };
}

function serviceOf(namespace: string) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  };
}

function bindingOf(namespace: string, targetGroupARN: string) {
  return {
    apiVersion: 'eks.amazonaws.com/v1',
    kind: 'TargetGroupBinding',
    metadata: { name: 'web', namespace },
    spec: { serviceRef: { name: 'web', port: 80 }, targetGroupARN, targetType: 'ip' },
  };
}

function onlyFrom(namespace: string, cidr: string) {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'only-balancer', namespace },
    spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ ipBlock: { cidr } }] }] },
  };
}
