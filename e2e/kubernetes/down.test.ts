import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeRecord } from '../../src/core/record.ts';
import { kinds } from '../../src/kubernetes/api/kinds.ts';
import { takeDown } from '../../src/kubernetes/down/down.ts';
import { makeEnvironment } from '../../src/kubernetes/make.ts';
import { admissionObjects, admittedOf } from '../../src/kubernetes/manifests/admission.ts';
import { takeLease } from '../../src/kubernetes/target/lease.ts';
import { accessTo } from '../cluster/access.ts';
import { type Cluster, openCluster } from '../cluster/cluster.ts';
import { openParts, removeParts } from './environment-parts.ts';
import { makeLimitedUser } from './limited-user.ts';
import { makeStable } from './stable-release.ts';

let cluster: Cluster;
const toRemove: string[] = [];
const stateFolder = mkdtempSync(join(realpathSync('/tmp'), 'cw-down-'));

beforeAll(async () => {
  cluster = await openCluster();
}, 900_000);

afterAll(async () => {
  rmSync(stateFolder, { recursive: true, force: true });
  for (const name of toRemove) await removeParts(cluster, name);
}, 60_000);

/** The parts of an environment whose namespace is not there yet. */
function freshParts() {
  const namespace = `down-${crypto.randomUUID().slice(0, 8)}`;
  toRemove.push(namespace);
  return openParts({ access: accessTo(cluster), namespace, signal: AbortSignal.timeout(120_000) });
}

function down(parts: ReturnType<typeof openParts>, more: { readonly patienceMs?: number } = {}) {
  return takeDown({ ...parts, stateFolder, by: 'ada', ...more });
}

async function policiesFor({ place }: ReturnType<typeof openParts>): Promise<string> {
  const names = admissionObjects(place).map(({ kind, metadata }) => `${kind}/${metadata?.name}`);
  return (await cluster.kubectl('get', ...names, '--ignore-not-found', '--output=name')).trim();
}

const record = makeRecord({
  id: 'rollout-1',
  kind: 'deploy',
  release: 'r1',
  artifact: 'sha256:a',
  by: 'ada',
  startedAt: 1,
  endedAt: 2,
  verdict: { kind: 'good' },
  traffic: { requests: 1, errors: 0, lost: 0, retried: 0 },
});

describe('down', () => {
  test('takes all that was made away, keeps the history, and the second time finds nothing', async () => {
    const parts = freshParts();
    await makeStable(cluster, parts, { replicas: 2 });
    await parts.store.history.append(record);
    const newer = '{"schemaVersion":99,"id":"of a newer Causeway"}';
    const data = { data: { '99999.newer': newer } };
    await parts.api.patch(kinds.configMap, 'shop-history-1', data, { signal: parts.signal });

    const receipt = await down(parts);
    const again = await down(parts);

    const what = receipt.items.map((item) => item.what);
    expect(receipt.items.filter(({ isGone }) => !isGone)).toEqual([]);
    expect(what).toContain('Deployment/shop');
    expect(what).toContain('2 Pods');
    expect(what.at(-1)).toBe(`namespace ${parts.place.namespace}`);
    expect(receipt.kept).toHaveLength(1);
    const [, path = ''] = receipt.kept[0]?.split(': ') ?? [];
    expect(readFileSync(path, 'utf8')).toBe(`${JSON.stringify(record)}\n${newer}\n`);
    expect(await parts.api.get(kinds.namespace, parts.place.namespace, parts.signal)).toBeUndefined();
    expect(await policiesFor(parts)).toBe('');
    expect(again).toEqual({ environment: 'test', items: [], kept: [] });
  }, 120_000);

  test('leaves the namespace with what others put into it, and names that', async () => {
    const parts = freshParts();
    await makeEnvironment(parts);
    const { namespace } = parts.place;
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'notes', namespace } });

    const receipt = await down(parts);

    expect(receipt.items.filter(({ isGone }) => !isGone)).toEqual([]);
    expect(receipt.kept).toEqual([`namespace ${namespace}, which holds ConfigMap/notes`]);
    const left = await cluster.kubectl(
      '--namespace',
      namespace,
      'get',
      'configmaps,services,secrets',
      '--output=name',
    );
    expect(left.trim().split('\n')).toEqual(['configmap/kube-root-ca.crt', 'configmap/notes']);
  }, 120_000);

  test('leaves a namespace that was there before', async () => {
    const { name: namespace } = await cluster.makeNamespace();
    toRemove.push(namespace);
    const parts = openParts({ access: accessTo(cluster), namespace });
    await makeEnvironment(parts);

    const receipt = await down(parts);

    expect(receipt.items.map(({ isGone }) => isGone)).not.toContain(false);
    expect(receipt.kept).toEqual([]);
    const found = await parts.api.get(kinds.namespace, namespace, parts.signal);
    expect(found?.status?.phase).toBe('Active');
  }, 120_000);

  test('tells what does not go, and what it waits for, and goes on the next time', async () => {
    const parts = freshParts();
    await makeEnvironment(parts);
    await parts.api.apply(admittedOf(parts.place, []), { signal: parts.signal });
    const { namespace } = parts.place;
    const hold = (finalizers: string) =>
      cluster.kubectl(
        '--namespace',
        namespace,
        'patch',
        'service',
        'shop',
        '--type=merge',
        `--patch={"metadata":{"finalizers":${finalizers}}}`,
      );
    await hold('["example.com/held"]');

    const first = await down(parts, { patienceMs: 1000 });
    await hold('null');
    const second = await down(parts);

    expect(first.items.filter(({ isGone }) => !isGone).map(({ what }) => what)).toEqual([
      'Service/shop, which waits for example.com/held',
      `namespace ${namespace}`,
    ]);
    expect(second.items.filter(({ isGone }) => !isGone)).toEqual([]);
    expect(second.items.at(-1)?.what).toBe(`namespace ${namespace}`);
  }, 120_000);

  test('refuses while somebody drives a rollout, and changes nothing', async () => {
    const parts = freshParts();
    await makeEnvironment(parts);
    const lease = await takeLease({
      ...parts,
      holder: { by: 'grace', purpose: 'deploy 1234567' },
      renewMs: 200,
    });

    const error = await down(parts).catch((thrown: unknown) => thrown);
    await lease.release();

    expect(error).toMatchObject({ code: 'rollout_running' });
    expect(await parts.api.get(kinds.service, 'shop', parts.signal)).toBeDefined();
  }, 120_000);

  test('is done by a user whose rights end at the namespace, who is told what he cannot see', async () => {
    const { name: namespace } = await cluster.makeNamespace();
    toRemove.push(namespace);
    const parts = openParts({ access: await makeLimitedUser(cluster, namespace), namespace });
    await makeEnvironment(parts);

    const receipt = await down(parts);

    expect(receipt.items.filter(({ isGone }) => !isGone)).toEqual([]);
    expect(receipt.items.map(({ what }) => what)).toContain('Service/shop');
    expect(receipt.kept[0]).toStartWith(`an admission policy causeway-${namespace}-shop`);
  }, 120_000);
});
