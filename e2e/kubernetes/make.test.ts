import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { makeEnvironment } from '../../src/kubernetes/make.ts';
import { ownLabels } from '../../src/kubernetes/manifests/names.ts';
import { allRights } from '../../src/kubernetes/rights/rights.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, openCluster } from '../cluster/cluster.ts';
import { openParts, removeParts } from './environment-parts.ts';
import { makeLimitedUser } from './limited-user.ts';

let cluster: Cluster;
const toRemove: string[] = [];

beforeAll(async () => {
  cluster = await openCluster();
}, 900_000);

afterAll(async () => {
  for (const name of toRemove) await removeParts(cluster, name);
}, 60_000);

/** A namespace that is not there yet. */
function freshName(): string {
  const name = `make-${crypto.randomUUID().slice(0, 8)}`;
  toRemove.push(name);
  return name;
}

/** One that is there, as somebody else made it. */
async function madeBefore(labels: Readonly<Record<string, string>> = {}): Promise<string> {
  const { name } = await cluster.makeNamespace(labels);
  toRemove.push(name);
  return name;
}

function partsIn(namespace: string, more: object = {}) {
  return openParts({ access: accessTo(cluster), namespace, ...more });
}

async function resourcesIn(namespace: string): Promise<string> {
  const kindsToSee = 'services,networkpolicies,deployments,leases,configmaps,serviceaccounts';
  return cluster.kubectl('--namespace', namespace, 'get', kindsToSee, '--output=name');
}

describe('make', () => {
  test('makes the namespace and what the service is reached by, and does nothing the second time', async () => {
    const parts = partsIn(freshName());

    const first = await makeEnvironment(parts);
    const second = await makeEnvironment(parts);

    expect(first).toStartWith(
      `made namespace ${parts.place.namespace}, ServiceAccount, NetworkPolicy, Service, ValidatingAdmissionPolicy`,
    );
    expect(second).toBeUndefined();
    expect((await parts.store.readState(parts.signal))?.desired).toEqual({ replicas: 2 });
  }, 60_000);

  test('puts right what somebody changed or deleted, and says so', async () => {
    const parts = partsIn(freshName());
    await makeEnvironment(parts);
    const { namespace } = parts.place;
    await cluster.kubectl('--namespace', namespace, 'delete', 'networkpolicy', 'shop');
    await cluster.kubectl(
      '--namespace',
      namespace,
      'patch',
      'service',
      'shop',
      '--type=json',
      '--patch=[{"op":"replace","path":"/spec/ports/0/port","value":81}]',
    );

    const said = await makeEnvironment(parts);

    expect(said).toStartWith('made NetworkPolicy; put right Service');
  }, 60_000);

  test('takes the autoscaler away once the config has none', async () => {
    const parts = partsIn(freshName(), { config: { autoscale: { max: 4 } } });
    await makeEnvironment(parts);

    const said = await makeEnvironment({ ...parts, config: partsIn(parts.place.namespace).config });

    expect(said).toBe('removed HorizontalPodAutoscaler');
  }, 60_000);

  test('uses a namespace that was there before as it is', async () => {
    const namespace = await madeBefore();

    const said = await makeEnvironment(partsIn(namespace));

    expect(said).toStartWith('made ServiceAccount');
    const found = await cluster.kubectl(
      'get',
      'namespace',
      namespace,
      '--output=jsonpath={.metadata.labels}',
    );
    expect(JSON.parse(found)).toEqual({ 'kubernetes.io/metadata.name': namespace });
  }, 60_000);
});

describe('make refuses, and changes nothing,', () => {
  async function refused(namespace: string, more: object = {}) {
    const before = await resourcesIn(namespace);
    const error = await makeEnvironment(partsIn(namespace, more)).catch((thrown: unknown) => thrown);
    expect(await resourcesIn(namespace)).toBe(before);
    return error;
  }

  test("another tool's namespace", async () => {
    const namespace = await madeBefore({ 'app.kubernetes.io/managed-by': 'Helm' });

    expect(await refused(namespace)).toMatchObject({
      code: 'namespace_taken',
      message: `namespace ${namespace} belongs to Helm`,
    });
  }, 60_000);

  test('the namespace of another environment', async () => {
    const other = ownLabels({ project: 'blog', environment: 'production', namespace: '' });
    const namespace = await madeBefore(other);

    expect(await refused(namespace)).toMatchObject({
      code: 'namespace_taken',
      message: `namespace ${namespace} belongs to project blog, environment production`,
    });
  }, 60_000);

  test('a namespace that holds another environment already', async () => {
    const namespace = await madeBefore();
    await makeEnvironment(partsIn(namespace));

    expect(await refused(namespace, { place: { project: 'blog' } })).toMatchObject({
      code: 'namespace_taken',
    });
  }, 60_000);

  test('a namespace that is being deleted, and says what it waits for', async () => {
    const namespace = await madeBefore();
    const held = { name: 'held', namespace, finalizers: ['example.com/held'] };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: held });
    await cluster.kubectl('delete', 'namespace', namespace, '--wait=false');

    const error = await makeEnvironment(partsIn(namespace)).catch((thrown: unknown) => thrown);
    await cluster.kubectl(
      '--namespace',
      namespace,
      'patch',
      'configmap',
      'held',
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    );

    expect(error).toMatchObject({ code: 'namespace_taken' });
    expect(String(error)).toContain(`namespace ${namespace} is being deleted`);
  }, 60_000);

  test.each([
    ['Service', { apiVersion: 'v1', spec: { ports: [{ port: 80 }] } }],
    ['ConfigMap', { apiVersion: 'v1' }],
  ])(
    'a %s of a needed name that is somebody else’s',
    async (kind, rest) => {
      const namespace = await madeBefore();
      const name = kind === 'Service' ? 'shop' : 'shop-state';
      await cluster.apply({ ...rest, kind, metadata: { name, namespace } });

      expect(await refused(namespace)).toMatchObject({
        code: 'namespace_taken',
        message: `${kind} ${name} in namespace ${namespace} was not made by Causeway`,
      });
    },
    60_000,
  );
});

describe('a user whose rights end at one namespace', () => {
  test('makes everything but the admission policy, and is told that', async () => {
    const namespace = await madeBefore();
    const access = await makeLimitedUser(cluster, namespace);
    const parts = openParts({ access, namespace });

    const said = await makeEnvironment(parts);

    expect(said).toMatch(/^made ServiceAccount, NetworkPolicy, Service; left out the admission policy/);
    expect(await parts.store.readState(parts.signal)).toBeDefined();
  }, 60_000);

  test('is told of the one right that is missing, before anything changes', async () => {
    const namespace = await madeBefore();
    const rights = allRights().filter(({ resource }) => resource !== 'networkpolicies');
    const access = await makeLimitedUser(cluster, namespace, rights);
    const before = await resourcesIn(namespace);

    const error = await makeEnvironment(openParts({ access, namespace })).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code: 'rights_missing',
      message: `you may not get, create or patch networkpolicies.networking.k8s.io in namespace ${namespace}`,
    });
    expect(await resourcesIn(namespace)).toBe(before);
  }, 60_000);

  test('is told that the namespace is to be made by another', async () => {
    const home = await madeBefore();
    const access = await makeLimitedUser(cluster, home);
    const parts = openParts({ access, namespace: `${home}-other` });

    const error = await makeEnvironment(parts).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'rights_missing' });
    const found = await parts.api.get(kinds.namespace, home, parts.signal).catch((thrown: unknown) => thrown);
    expect(found).toMatchObject({ status: 403 });
  }, 60_000);
});
