import { expect, test } from 'bun:test';
import { FakeApi } from './api/fake-api.ts';
import { refusal } from './api/fake-patch.ts';
import { kinds } from './api/kinds.ts';
import { edit, fakeServed } from './fake-served.ts';
import { makeShop, type ShopParts } from './manifests/fixtures.ts';
import { previewChanges } from './preview.ts';
import { openStore } from './store/open-store.ts';

const { signal } = new AbortController();
const pullFrom = 'registry.example.com/team/shop';

async function serve(parts: ShopParts = {}, options: { readonly isAgain?: boolean } = {}) {
  const served = await fakeServed(parts, options);
  const preview = (next: ShopParts = parts) => {
    const { config, release } = makeShop(next);
    return previewChanges({ ...served, config, release, pullFrom, signal });
  };
  return { ...served, preview };
}

test('of what serves already nothing would change', async () => {
  const { preview } = await serve({ service: { secrets: { TOKEN: { env: 'TOKEN' } } } });

  expect(await preview()).toEqual([]);
});

test('of what was rolled out again without secrets nothing would change, though it has a set', async () => {
  const { api, stable, preview } = await serve({}, { isAgain: true });

  const [served] = api.all(kinds.deployment);
  expect(served?.spec?.template.metadata?.labels).toHaveProperty(
    ['causeway.dev/secret-set'],
    stable.secretSet,
  );
  expect(await preview()).toEqual([]);
});

test('of a release that takes secrets no more its set would go', async () => {
  const { stable, preview } = await serve({ service: { secrets: { TOKEN: { env: 'TOKEN' } } } });

  expect(await preview({})).toContainEqual({
    object: 'Deployment/shop',
    field: 'spec.template.metadata.labels[causeway.dev/secret-set]',
    wanted: undefined,
    found: stable.secretSet,
  });
});

test('of another release its image and settings would, and nothing is written', async () => {
  const { api, preview } = await serve();
  const before = api.all(kinds.deployment)[0]?.metadata?.resourceVersion;
  const image = `sha256:${'f'.repeat(64)}`;

  const changes = await preview({ image, service: { env: { GREETING: 'hello' } } });

  const named = changes.map(({ object, field }) => (field === undefined ? object : `${object} ${field}`));
  expect(named).toContain('Deployment/shop spec.template.spec.containers[service].image');
  expect(named).toContain('Deployment/shop spec.template.metadata.labels[causeway.dev/release]');
  expect(named.filter((name) => name.startsWith('ConfigMap/shop-settings-'))).toHaveLength(1);
  expect(named.filter((name) => name.startsWith('Service/') || name.startsWith('NetworkPolicy/'))).toEqual(
    [],
  );
  expect(api.all(kinds.deployment)[0]?.metadata?.resourceVersion).toBe(before);
});

test('what somebody changed would be put right, beside what they own', async () => {
  const { api, preview } = await serve();
  edit(api, api.all(kinds.deployment)[0], ({ metadata, spec }) => {
    metadata.annotations = { theirs: 'kept' };
    spec.replicas = 5;
    spec.revisionHistoryLimit = 3;
    spec.template.metadata.annotations = { theirs: 'gone' };
  });

  expect(await preview()).toEqual([
    { object: 'Deployment/shop', field: 'spec.replicas', wanted: 2, found: 5 },
    {
      object: 'Deployment/shop',
      field: 'spec.template.metadata.annotations',
      wanted: undefined,
      found: { theirs: 'gone' },
    },
  ]);
});

test('digests are added to those that may run, and none of them would go', async () => {
  const { api, preview } = await serve();
  const admitted = api.all(kinds.configMap).find(({ metadata }) => metadata?.name === 'shop-admitted');
  edit(api, admitted, ({ data }) => {
    data['f'.repeat(64)] = '';
  });

  expect(await preview()).toEqual([]);
});

test('where there is no namespace everything would be made, and nothing is tried', async () => {
  const { place, config, release } = makeShop();
  const api = new FakeApi(place);
  const store = openStore({ api, place });

  const changes = await previewChanges({ api, place, config, store, release, pullFrom, signal });

  expect(changes.map(({ object }) => object).slice(0, 2)).toEqual([
    'Namespace/shop-staging',
    'ConfigMap/shop-admitted',
  ]);
  expect(changes.every(({ found }) => found === undefined)).toBe(true);
  expect(api.calls.filter(({ verb }) => verb === 'apply' || verb === 'create')).toEqual([]);
});

test('a release that ran here would be run as it was stored then', async () => {
  const { api, store, stored, preview } = await serve();
  const name = `shop-release-${stored.release.id.slice(0, 16)}`;
  const template = JSON.parse(stored.template);
  template.spec.terminationGracePeriodSeconds = 99;
  await api.remove(kinds.configMap, name, { signal });
  await store.storeRelease({ ...stored, template: JSON.stringify(template) }, signal);

  expect(await preview()).toMatchObject([
    { field: 'spec.template.spec.terminationGracePeriodSeconds', wanted: 99 },
  ]);
});

test('what takes an administrator is left out, and another refusal is told', async () => {
  const { api, preview } = await serve();
  let refused = 'ValidatingAdmissionPolicy';
  api.before = ({ verb, kind }) => {
    if (verb === 'apply' && kind.startsWith(refused)) throw refusal(403, 'Forbidden', `no ${kind} for you`);
  };

  const changes = await preview();
  refused = 'Service';

  expect(changes).toEqual([]);
  await expect(preview()).rejects.toMatchObject({ status: 403 });
});
