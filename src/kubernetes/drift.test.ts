import { describe, expect, test } from 'bun:test';
import { refusal } from './api/fake-patch.ts';
import { kinds } from './api/kinds.ts';
import { findDrift } from './drift.ts';
import { edit, fakeServed, type Served } from './fake-served.ts';
import type { ShopParts } from './manifests/fixtures.ts';

const { signal } = new AbortController();

async function serve(parts: ShopParts = {}) {
  const served = await fakeServed(parts);
  return { ...served, drift: () => findDrift({ ...served, signal }) };
}

const deploymentIn = ({ api }: Pick<Served, 'api'>) => api.all(kinds.deployment)[0];

test('what a rollout has left is no drift, and looking writes nothing', async () => {
  const { api, drift } = await serve({
    service: { secrets: { TOKEN: { env: 'TOKEN' } } },
    environment: { autoscale: { max: 4 } },
  });
  api.calls.length = 0;

  expect(await drift()).toEqual([]);

  const reading: readonly string[] = ['get', 'list'];
  expect(api.calls.filter(({ verb }) => !reading.includes(verb))).toEqual([]);
});

describe('what somebody changed is found by its field:', () => {
  test('the number of replicas', async () => {
    const served = await serve();
    edit(served.api, deploymentIn(served), ({ spec }) => {
      spec.replicas = 5;
    });

    expect(await served.drift()).toEqual([
      { object: 'Deployment/shop', field: 'spec.replicas', wanted: 2, found: 5 },
    ]);
  });

  test('what an autoscaler says is none', async () => {
    const served = await serve({ environment: { autoscale: { max: 9 } } });
    edit(served.api, deploymentIn(served), ({ spec }) => {
      spec.replicas = 5;
    });

    expect(await served.drift()).toEqual([]);
  });

  test('a Deployment that is paused', async () => {
    const served = await serve();
    edit(served.api, deploymentIn(served), ({ spec }) => {
      spec.paused = true;
    });

    expect(await served.drift()).toMatchObject([{ field: 'spec.paused', found: true }]);
  });

  test('what stands in the pod template beside ours', async () => {
    const served = await serve();
    edit(served.api, deploymentIn(served), ({ spec }) => {
      spec.template.metadata.annotations = { 'kubectl.kubernetes.io/restartedAt': 'now' };
    });

    expect(await served.drift()).toMatchObject([{ field: 'spec.template.metadata.annotations' }]);
  });

  test('whom the NetworkPolicy lets in beside ours', async () => {
    const { api, drift } = await serve();
    edit(api, api.all(kinds.networkPolicy)[0], ({ spec }) => {
      spec.ingress.push({});
    });

    expect(await drift()).toMatchObject([{ object: 'NetworkPolicy/shop', field: 'spec.ingress' }]);
  });

  test('not what others own beside ours', async () => {
    const { api, drift } = await serve();
    edit(api, api.all(kinds.service)[0], ({ metadata }) => {
      metadata.annotations = { theirs: 'kept' };
    });

    expect(await drift()).toEqual([]);
  });
});

describe('what is missing is found whole:', () => {
  test('the NetworkPolicy, the settings and the secrets of what serves', async () => {
    const { api, stable, stored, drift } = await serve({ service: { secrets: { TOKEN: { env: 'TOKEN' } } } });
    await api.remove(kinds.networkPolicy, 'shop', { signal });
    await api.remove(kinds.configMap, stored.settings.name, { signal });
    await api.remove(kinds.secret, `shop-secrets-${stable.secretSet}`, { signal });

    const found = (await drift()).map(({ object, field, found: there }) => ({ object, field, there }));

    const whole = { field: undefined, there: undefined };
    expect(found).toEqual([
      { object: 'NetworkPolicy/shop', ...whole },
      { object: `ConfigMap/${stored.settings.name}`, ...whole },
      { object: `Secret/shop-secrets-${stable.secretSet}`, ...whole },
    ]);
  });

  test('a digest that may run no more', async () => {
    const { api, drift } = await serve();
    const admitted = api.all(kinds.configMap).find(({ metadata }) => metadata?.name === 'shop-admitted');
    edit(api, admitted, (copy) => {
      copy.data = {};
    });

    expect(await drift()).toMatchObject([{ object: 'ConfigMap/shop-admitted', found: undefined }]);
  });
});

test('in a rollout the candidate behind its gate is what there shall be', async () => {
  const served = await serve();
  const state = await served.store.readState(signal);
  const { replicas = 2, stable } = state?.desired ?? {};
  if (state && stable)
    await served.store.writeState(
      { ...state, desired: { replicas, stable, candidate: { ...stable, size: 'one' } } },
      signal,
    );

  const fields = (await served.drift()).map(({ field }) => field);

  expect(fields).toEqual(['spec.minReadySeconds', 'spec.progressDeadlineSeconds']);
});

test('an autoscaler that the config has no more is one too many, and somebody else’s is not', async () => {
  const { api, drift } = await serve();
  const autoscaler = (labels: Readonly<Record<string, string>>) =>
    api.put({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'shop', labels },
    });

  autoscaler({});
  const theirs = await drift();
  autoscaler({ 'app.kubernetes.io/managed-by': 'causeway' });
  const ours = await drift();

  expect(theirs).toEqual([]);
  expect(ours).toMatchObject([{ object: 'HorizontalPodAutoscaler/shop', wanted: undefined }]);
});

test('what the user may not see is left out', async () => {
  const { api, drift } = await serve();
  await api.remove(kinds.networkPolicy, 'shop', { signal });
  api.before = ({ verb, kind }) => {
    if (verb === 'get' && (kind.startsWith('ValidatingAdmission') || kind === 'Namespace'))
      throw refusal(403, 'Forbidden', 'not yours');
  };

  expect(await drift()).toMatchObject([{ object: 'NetworkPolicy/shop' }]);
});

test('a namespace that was there before is used as it is', async () => {
  const { api, drift } = await serve();
  edit(api, api.all(kinds.namespace)[0], ({ metadata }) => {
    metadata.labels = {};
  });

  expect(await drift()).toEqual([]);
});
