import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { have } from '../images/have.ts';
import { makeImageProject } from '../images/image-project.ts';
import { mustEnd, until } from '../local/project.ts';
import { type Cluster, findCluster, type Namespace, openCluster } from './cluster.ts';
import { listTraces, moreThan, type Traces } from './traces.ts';
import { denyOthers, onlyByDigest, pod, podSpec, web } from './web.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

const kind = await have('a cluster', findCluster);

if (kind) describe('the cluster', testCluster);
if (kind === 'node') describe('a cluster of its own', testOwnCluster);
if (kind === 'context') console.log('skipped: what harms a node: a context was given');

function testCluster(): void {
  let cluster: Cluster;
  let image: string;
  let here: Namespace;

  beforeAll(async () => {
    cluster = await openCluster();
    image = await cluster.image('web');
    here = await cluster.makeNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    await cluster.apply(...web(here, image));
    await becomesAvailable(cluster, here);
  }, 20 * minuteMs);

  afterAll(async () => {
    await here?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('runs an image that its registry holds, restricted, and it answers through the Service', async () => {
    expect(await ask(here, '/')).toMatch(/^version=one pod=web-/);
  });

  test('runs an image that `image push` put into its registry', async () => {
    await using project = await makeImageProject();
    const repository = `${cluster.registry}/team/shop`;
    const pushed = await mustEnd(project.causeway('image', 'push', repository, '--tag', 'one', '--json'));
    await using there = await cluster.makeNamespace();

    await cluster.apply(...web(there, pushed.json().reference ?? ''));

    await becomesAvailable(cluster, there);
    expect(JSON.parse(await ask(there, '/'))).toMatchObject({ mark: 'one' });
  });

  test('refuses what a NetworkPolicy does not let in, and lets in the rest', async () => {
    await using other = await cluster.makeNamespace();
    await cluster.apply(...web(other, image), denyOthers(here));
    await becomesAvailable(cluster, other);
    const url = await addressOf(here);

    // A policy is in force a moment after it was accepted.
    await until('the other namespace is refused', async () => (await fetches(other, url)) === 'refused');

    expect(await fetches(here, url)).toMatch(/^version=one/);
    await cluster.kubectl('--namespace', here.name, 'delete', 'networkpolicy/deny-others');
    await until('it is let in again', async () => (await fetches(other, url)) !== 'refused');
  });

  test('refuses a pod that breaks the restricted standard', async () => {
    const good = podSpec(image);

    const refused = await cluster.tryApply(pod(here, { ...good, hostNetwork: true }));

    expect(refused.stderr).toContain('violates PodSecurity "restricted:latest"');
    expect((await cluster.tryApply(pod(here, good))).stderr).toBe('');
  });

  test('refuses what a ValidatingAdmissionPolicy forbids', async () => {
    await using there = await cluster.makeNamespace();
    const byTag = pod(there, podSpec(image.replace(/@.*/, ':1')));
    const policy = onlyByDigest(there);
    await cluster.apply(...policy);

    try {
      await until('a tag is refused', async () =>
        (await cluster.tryApply(byTag)).stderr.includes('an image is named by digest'),
      );

      await cluster.kubectl('--namespace', there.name, 'delete', 'pod', '--all');
      expect((await cluster.tryApply(pod(there, podSpec(image)))).stderr).toBe('');
    } finally {
      for (const { kind, metadata } of policy) await cluster.kubectl('delete', kind, metadata.name);
    }
  });

  describe('with addons', () => {
    beforeAll(() => cluster.haveAddons(), 20 * minuteMs);

    test('answers names of Services', async () => {
      const url = `http://web.${here.name}.svc.cluster.local/`;

      await until('the name is answered', async () => (await fetches(here, url)).startsWith('version=one'));
    });

    test('measures what pods use', async () => {
      await until('there are metrics of the pod', async () => {
        const { stdout } = await cluster.tryKubectl('--namespace', here.name, 'top', 'pod', '--no-headers');
        return /^web-\S+ +\d+m +\d+Mi/m.test(stdout);
      });
    });
  });

  test.if(kind === 'node')('is reached from this machine by pod, Service and node port', async () => {
    const get = (output: string, what: string) =>
      cluster.kubectl('--namespace', here.name, 'get', what, `--output=jsonpath=${output}`);
    const pod = await get('{.items[0].status.podIP}', 'pod');
    const port = await get('{.spec.ports[0].nodePort}', 'service/web');
    const node = new URL(cluster.api).hostname;

    for (const url of [`http://${pod}:8080/`, await addressOf(here), `http://${node}:${port}/`]) {
      await until(`${url} answers`, async () => (await textOf(url)).startsWith('version=one'));
    }
  });

  async function ask({ name }: Namespace, path: string): Promise<string> {
    return await cluster.kubectl('get', '--raw', `/api/v1/namespaces/${name}/services/web:80/proxy${path}`);
  }

  async function addressOf({ name }: Namespace): Promise<string> {
    const output = '--output=jsonpath={.spec.clusterIP}';
    return `http://${await cluster.kubectl('--namespace', name, 'get', 'service/web', output)}/`;
  }

  /** What a pod of the namespace gets from a URL. */
  async function fetches(from: Namespace, url: string): Promise<string> {
    const { text } = JSON.parse(await ask(from, `/fetch?url=${encodeURIComponent(url)}`));
    return text ?? 'refused';
  }
}

function testOwnCluster(): void {
  test('does without a part that was stopped, and goes on when that is started', async () => {
    await using cluster = await openCluster({ isOwn: true });
    const url = await runWeb(cluster);

    await cluster.node?.stop('kube-apiserver');

    expect((await cluster.tryKubectl('get', 'nodes')).exitCode).not.toBe(0);
    expect(await textOf(url)).toMatch(/^version=one/);
    await cluster.node?.start('kube-apiserver');
    await until('the API answers', async () => (await cluster.tryKubectl('get', 'nodes')).exitCode === 0);
  });

  test('leaves nothing when it is taken down', async () => {
    const before = await listTraces();
    const cluster = await openCluster({ isOwn: true });
    await runWeb(cluster);
    expect(Object.keys(moreThan(before, await listTraces()))).toEqual(expect.arrayContaining(whatItIsMadeOf));

    await cluster[Symbol.asyncDispose]();

    await nothingIsLeftSince(before);
  });

  test('leaves nothing when the tests that it was up for are killed', async () => {
    const before = await listTraces();
    const tests = Bun.spawn(['sleep', 'infinity']);
    await runWeb(await openCluster({ isOwn: true, holder: tests.pid }));

    tests.kill('SIGKILL');

    await nothingIsLeftSince(before);
  });
}

/** Nothing where nobody answers yet. */
async function textOf(url: string): Promise<string> {
  return fetch(url, { keepalive: false, signal: AbortSignal.timeout(5_000) }).then(
    (response) => response.text(),
    () => '',
  );
}

const whatItIsMadeOf = ['links', 'routes', 'cgroups', 'processes', 'files'];

async function nothingIsLeftSince(before: Traces): Promise<void> {
  let left: Traces = {};
  await until('nothing is left', async () => {
    left = moreThan(before, await listTraces());
    return Object.keys(left).length === 0;
  }).catch(() => {});
  expect(left).toEqual({});
}

/** The URL of a pod, as this machine reaches it. */
async function runWeb(cluster: Cluster): Promise<string> {
  const namespace = await cluster.makeNamespace();
  await cluster.apply(...web(namespace, await cluster.image('web')));
  await becomesAvailable(cluster, namespace);
  const output = '--output=jsonpath={.items[0].status.podIP}';
  return `http://${await cluster.kubectl('--namespace', namespace.name, 'get', 'pod', output)}:8080/`;
}

/** Endpoints, and what is made of them in each part of the cluster, come a moment after readiness. */
async function becomesAvailable({ kubectl, tryKubectl }: Cluster, { name }: Namespace): Promise<void> {
  await kubectl('--namespace', name, 'wait', '--for=condition=Available', 'deployment/web', '--timeout=60s');
  const path = `/api/v1/namespaces/${name}/services/web:80/proxy/`;
  await until('the Service answers', async () => (await tryKubectl('get', '--raw', path)).exitCode === 0);
}
