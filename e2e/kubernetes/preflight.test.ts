import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Desired } from '../../src/core/rollout.ts';
import { findProblems } from '../../src/kubernetes/preflight/find-problems.ts';
import { allRights } from '../../src/kubernetes/rights/rights.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, type Namespace, openCluster } from '../cluster/cluster.ts';
import { openParts } from './environment-parts.ts';
import { makeLimitedUser } from './limited-user.ts';
import { webRelease } from './web-release.ts';

let cluster: Cluster;
let namespace: string;
const namespaces: Namespace[] = [];

beforeAll(async () => {
  cluster = await openCluster();
  namespace = await freshNamespace();
}, 900_000);

afterAll(async () => {
  for (const made of namespaces) await made[Symbol.asyncDispose]();
}, 60_000);

async function freshNamespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
  const made = await cluster.makeNamespace(labels);
  namespaces.push(made);
  return made.name;
}

function desiredWith(replicas: number, resources = { cpu: '10m', memory: '16Mi' }): Desired {
  const release = webRelease({ image: 'sha256:b', artifact: 'sha256:a', resources });
  return { replicas, candidate: { release, size: 'one' } };
}

async function problemsOf(
  desired: Desired,
  { config = {}, at = namespace }: { config?: object; at?: string } = {},
) {
  const findings = await findProblems({
    ...openParts({ access: accessTo(cluster), namespace: at, config }),
    desired,
  });
  return findings.filter(({ isProblem }) => isProblem).map(({ message }) => message);
}

test('a rollout that there is room for meets no problem', async () => {
  expect(await problemsOf(desiredWith(3))).toEqual([]);
}, 60_000);

test('more than the nodes have room for is a problem before anything starts', async () => {
  const [message, ...others] = await problemsOf(desiredWith(3, { cpu: '10m', memory: '20Gi' }));

  expect(message).toContain('3 pods are to start beside those that run, with 10m CPU and 20Gi memory each');
  expect(others).toEqual([]);
}, 60_000);

test('a quota that both releases together go beyond is a problem', async () => {
  const at = await freshNamespace();
  const hard = { pods: '2', 'requests.memory': '1Gi' };
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'team', namespace: at },
    spec: { hard },
  });

  expect(await problemsOf(desiredWith(3), { at })).toEqual([
    'quota team has room for 2 of pods (0 of 2 are used), and both releases together need 3 more',
  ]);
}, 60_000);

test('a pull secret that is missing is a problem that says how to make it', async () => {
  const parts = openParts({ access: accessTo(cluster), namespace, config: { pullSecret: 'registry' } });

  const findings = await findProblems({ ...parts, desired: desiredWith(1) });

  const [problem] = findings.filter(({ isProblem }) => isProblem);
  expect(problem?.message).toBe(
    `namespace ${namespace} has no Secret registry, which environments.test.pullSecret names`,
  );
  expect(problem?.hint).toStartWith(
    `kubectl --namespace ${namespace} create secret docker-registry registry`,
  );
}, 60_000);

test('a namespace that is missing or taken is a problem', async () => {
  const taken = await freshNamespace({ 'app.kubernetes.io/managed-by': 'Helm' });

  expect(await problemsOf(desiredWith(1), { at: 'nowhere' })).toEqual(['there is no namespace nowhere']);
  expect(await problemsOf(desiredWith(1), { at: taken })).toEqual([`namespace ${taken} belongs to Helm`]);
}, 60_000);

test('an Ingress class that nobody has is told, and keeps no rollout from its end', async () => {
  const config = { exposure: { kind: 'ingress', host: 'shop.example.com', className: 'no-such' } };
  const parts = openParts({ access: accessTo(cluster), namespace, config });

  const findings = await findProblems({ ...parts, desired: desiredWith(1) });

  expect(findings.filter(({ isProblem }) => isProblem)).toEqual([]);
  expect(findings.map(({ message }) => message)).toContain(
    'the cluster has no Ingress class no-such, so nobody serves the Ingress',
  );
}, 60_000);

test('a user who may not see the nodes goes without counting them, and one who misses a right is told', async () => {
  const access = await makeLimitedUser(cluster, namespace);
  const all = await findProblems({ ...openParts({ access, namespace }), desired: desiredWith(1) });

  expect(all.filter(({ isProblem }) => isProblem)).toEqual([]);
  expect(all.map(({ message }) => message)).toContain('room on the nodes: you may not list nodes');

  const at = await freshNamespace();
  const rights = allRights().filter(({ resource }) => resource !== 'poddisruptionbudgets');
  const lesser = await makeLimitedUser(cluster, at, rights);
  const some = await findProblems({
    ...openParts({ access: lesser, namespace: at }),
    desired: desiredWith(1),
  });

  expect(some.filter(({ isProblem }) => isProblem).map(({ message }) => message)).toEqual([
    `you may not get, create, patch, update or delete poddisruptionbudgets.policy in namespace ${at}`,
  ]);
}, 60_000);
