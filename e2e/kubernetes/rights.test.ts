import { afterAll, beforeAll, expect, test } from 'bun:test';
import { findMissingRights, mayDo } from '../../src/kubernetes/rights/find-missing-rights.ts';
import { allRights, type Right } from '../../src/kubernetes/rights/rights.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, type Namespace, openCluster } from '../cluster/cluster.ts';
import { openParts } from './environment-parts.ts';
import { makeLimitedUser } from './limited-user.ts';

let cluster: Cluster;
const namespaces: Namespace[] = [];

beforeAll(async () => {
  cluster = await openCluster();
}, 900_000);

afterAll(async () => {
  for (const namespace of namespaces) await namespace[Symbol.asyncDispose]();
}, 60_000);

async function userWith(rights?: readonly Right[]) {
  const namespace = await cluster.makeNamespace();
  namespaces.push(namespace);
  const { name } = namespace;
  return openParts({ access: await makeLimitedUser(cluster, name, rights), namespace: name });
}

test('an administrator misses nothing', async () => {
  const parts = openParts({ access: accessTo(cluster), namespace: 'default' });

  expect(await findMissingRights({ ...parts, namespace: 'default', rights: allRights() })).toEqual([]);
}, 60_000);

test('the documented Role holds all that the commands need', async () => {
  const { api, place, signal } = await userWith();

  expect(await findMissingRights({ api, ...place, signal, rights: allRights() })).toEqual([]);
}, 60_000);

test('what a Role leaves out is missing, verb by verb', async () => {
  const given = allRights()
    .filter(({ resource }) => resource !== 'pods/proxy')
    .map((right) =>
      right.resource === 'deployments'
        ? { ...right, verbs: right.verbs.filter((verb) => verb !== 'patch') }
        : right,
    );
  const { api, place, signal } = await userWith(given);

  expect(await findMissingRights({ api, ...place, signal, rights: allRights() })).toEqual([
    { group: 'apps', resource: 'deployments', verbs: ['patch'] },
    { group: '', resource: 'pods/proxy', verbs: ['get'] },
  ]);
}, 60_000);

test('a right within the namespace is none to the cluster', async () => {
  const { api, place, signal } = await userWith();
  const pods = { api, group: '', resource: 'pods', verb: 'list', signal } as const;

  expect(await mayDo({ ...pods, namespace: place.namespace })).toBe(true);
  expect(await mayDo(pods)).toBe(false);
  expect(await mayDo({ ...pods, resource: 'namespaces', verb: 'create' })).toBe(false);
}, 60_000);
