import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { IPod, IPodTemplateSpec } from 'kubernetes-models/v1';
import { kindOf, kinds } from '../../src/kubernetes/api/kinds.ts';
import { ApiRefusal } from '../../src/kubernetes/api/refusal.ts';
import { admissionObjects, admittedOf } from '../../src/kubernetes/manifests/admission.ts';
import { environmentObjects } from '../../src/kubernetes/manifests/environment-objects.ts';
import { settingsMapOf, templateOf } from '../../src/kubernetes/manifests/pod-template.ts';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { makeShopThere, type ShopThere } from './shop.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

if (await have('a cluster', findCluster)) describe('admission', testAdmission);

type Edit = (spec: NonNullable<IPod['spec']>) => void;
const signal = AbortSignal.timeout(20 * minuteMs);
const hex = 'ab'.repeat(32);

function testAdmission(): void {
  let cluster: Cluster;
  let own: ShopThere;
  let shared: ShopThere;

  beforeAll(async () => {
    cluster = await openCluster();
    own = await makeShopThere(cluster);
    shared = await makeShopThere(cluster, { isShared: true });
    for (const shop of [own, shared]) await admitIn(shop);
  }, 20 * minuteMs);

  afterAll(async () => {
    for (const shop of [own, shared]) {
      for (const object of admissionObjects(shop.place)) {
        await shop.api.remove(kindOf(object), object.metadata?.name ?? '', { signal });
      }
      await shop[Symbol.asyncDispose]();
    }
    await cluster?.[Symbol.asyncDispose]();
  });

  test('a replica of an admitted release is let in, by the restricted standard as well', async () => {
    for (const shop of [own, shared]) expect(await tryPod(shop)).toBe('let in');
  });

  test('an image by tag is refused', async () => {
    const tried = await tryPod(own, (spec) => {
      for (const container of spec.containers) container.image = own.stored.image.replace(/@.*/, ':1');
    });

    expect(tried).toContain(`${own.stored.image.replace(/@.*/, ':1')} is not named by digest`);
  });

  test.each(['containers', 'initContainers'] as const)(
    'a digest that is not listed is refused in %s',
    async (list) => {
      const tried = await tryPod(own, (spec) => {
        const [first] = spec.containers;
        if (first)
          spec[list] = [{ ...(list === 'containers' ? first : bare(first)), image: `evil@sha256:${hex}` }];
      });

      expect(tried).toContain(`evil@sha256:${hex} is not among those that Causeway verified`);
    },
  );

  test('an ephemeral container with another image is refused, and one with the same is not', async () => {
    const pod = await own.api.create(podOf(own), { signal });
    const name = pod.metadata?.name ?? '';
    const debug = (image: string, container: string) => {
      const options = [`--image=${image}`, `--container=${container}`, '--profile=restricted'];
      return cluster.tryKubectl('--namespace', own.place.namespace, 'debug', `pod/${name}`, ...options);
    };

    const refused = [
      await debug(own.stored.image.replace(/@.*/, ':1'), 'one'),
      await debug(`evil@sha256:${hex}`, 'two'),
    ];

    for (const { exitCode, stderr } of refused) {
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(/is not named by digest|is not among those that Causeway verified/);
    }
    expect(await debug(own.stored.image, 'three')).toMatchObject({ exitCode: 0 });
  });

  test('root is refused', async () => {
    const asked: readonly Edit[] = [
      (spec) => {
        spec.securityContext = {};
        for (const { securityContext } of spec.containers) delete securityContext?.runAsNonRoot;
      },
      (spec) => {
        for (const { securityContext } of spec.containers) {
          if (securityContext) securityContext.runAsUser = 0;
        }
      },
    ];

    for (const edit of asked) expect(await tryPod(await unrestricted(), edit)).toContain('may run as root');
  });

  test('a replica without a readiness probe is refused, and a pod of another kind needs none', async () => {
    const unprobed: Edit = (spec) => {
      for (const container of spec.containers) delete container.readinessProbe;
    };

    expect(await tryPod(own, unprobed)).toContain('container service has no readinessProbe');
    expect(await tryPod(own, unprobed, { 'app.kubernetes.io/component': 'one-off' })).toBe('let in');
  });

  test.each(['cpu', 'memory'])('a pod that asks for no %s is refused', async (resource) => {
    const tried = await tryPod(own, (spec) => {
      for (const container of spec.containers) {
        container.resources = { requests: { cpu: '10m', memory: '32Mi' } };
        delete container.resources.requests?.[resource];
      }
    });

    expect(tried).toContain('container service asks for no CPU or no memory');
  });

  test('a pod without our labels is refused in our own namespace, and let in where others are', async () => {
    const byTag: Edit = (spec) => {
      for (const container of spec.containers) container.image = 'evil:1';
    };
    const theirs = { 'app.kubernetes.io/name': 'theirs', 'app.kubernetes.io/component': 'service' };

    expect(await tryPod(own, byTag, theirs)).toContain('evil:1 is not named by digest');
    expect(await tryPod(shared, byTag, theirs)).toBe('let in');
    expect(await tryPod(shared, byTag)).toContain('evil:1 is not named by digest');
  });

  test('a pod of others does not become one of ours by a label', async () => {
    const theirs = podOf(shared, (spec) => {
      for (const container of spec.containers) container.image = 'evil:1';
    });
    const { api } = shared;
    const pod = await api.create(
      { ...theirs, metadata: { generateName: 'theirs-', namespace: shared.place.namespace } } as IPod,
      { signal },
    );

    const patch = { metadata: { labels: theirs.metadata?.labels } };
    const tried = await told(() => api.patch(kinds.pod, pod.metadata?.name ?? '', patch, { signal }));

    expect(tried).toContain('evil:1 is not named by digest');
  });

  test('a pod whose digest is listed no more can still be changed, and goes', async () => {
    const pod = await own.api.create(podOf(own), { signal });
    const name = pod.metadata?.name ?? '';
    await own.api.apply(admittedOf(own.place, [`sha256:${hex}`]), { signal });
    await until('it is refused now', async () => (await tryPod(own)) !== 'let in');

    const patch = { metadata: { annotations: { seen: 'yes' }, finalizers: ['causeway.dev/test'] } };
    await own.api.patch(kinds.pod, name, patch, { signal });
    await own.api.patch(kinds.pod, name, { metadata: { finalizers: null } }, { signal });

    expect(await own.api.remove(kinds.pod, name, { signal, graceSeconds: 0 })).toBe(true);
    await own.api.apply(admittedOf(own.place, [own.stored.image]), { signal });
    await until('it is let in again', async () => (await tryPod(own)) === 'let in');
  });

  test('without the list of digests none of ours is let in, and pods of others are', async () => {
    await shared.api.remove(kinds.configMap, 'shop-admitted', { signal });

    await until('it is refused', async () => (await tryPod(shared)) !== 'let in');

    expect(await tryPod(shared, undefined, { 'app.kubernetes.io/name': 'theirs' })).toBe('let in');
  });

  /** The same policy where nothing else refuses root. */
  async function unrestricted(): Promise<ShopThere> {
    const label = 'pod-security.kubernetes.io/enforce=privileged';
    await cluster.kubectl('label', '--overwrite', 'namespace', own.place.namespace, label);
    return own;
  }
}

async function admitIn(shop: ShopThere): Promise<void> {
  const { api, place, config, stored } = shop;
  const objects = environmentObjects({ place, config }).filter(({ kind }) => kind === 'ServiceAccount');
  const all = [
    ...objects,
    settingsMapOf(place, stored),
    admittedOf(place, [stored.image]),
    ...admissionObjects(place),
  ];
  for (const object of all) await api.apply(object, { signal });
  // A policy is in force a moment after it was accepted.
  await until('the policy holds', async () => {
    const tried = await tryPod(shop, (spec) => {
      for (const container of spec.containers) container.image = 'evil:1';
    });
    return tried.includes('is not named by digest');
  });
  await until('its digests are known', async () => (await tryPod(shop)) === 'let in');
}

/** Made as a dry run: `let in`, or why it is refused. */
function tryPod(shop: ShopThere, edit?: Edit, labels?: Readonly<Record<string, string>>): Promise<string> {
  const pod = podOf(shop, edit);
  const metadata = { ...pod.metadata, labels: { ...pod.metadata?.labels, ...labels } };
  return told(() => shop.api.create({ ...pod, metadata }, { signal, isDryRun: true }));
}

async function told(write: () => Promise<unknown>): Promise<string> {
  try {
    await write();
    return 'let in';
  } catch (error) {
    if (error instanceof ApiRefusal) return error.message;
    throw error;
  }
}

function podOf({ stored, place }: ShopThere, edit: Edit = () => undefined): IPod {
  const { metadata, spec }: IPodTemplateSpec = structuredClone(templateOf(stored, undefined));
  if (spec) edit(spec);
  const own = { ...metadata, generateName: 'shop-', namespace: place.namespace };
  return { apiVersion: 'v1', kind: 'Pod', metadata: own, ...(spec ? { spec } : {}) };
}

/** What an init container may not have. */
function bare<T extends object>(container: T): T {
  const {
    startupProbe: _startup,
    readinessProbe: _ready,
    lifecycle: _life,
    ...rest
  } = container as Record<string, unknown>;
  return { ...rest, name: 'init' } as unknown as T;
}
