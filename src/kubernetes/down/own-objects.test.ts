import { expect, test } from 'bun:test';
import { FakeApi } from '../api/fake-api.ts';
import { kinds } from '../api/kinds.ts';
import { ownLabels, type Place } from '../manifests/names.ts';
import { findForeign } from './foreign-objects.ts';
import { findOwn, itemsOf } from './own-objects.ts';

const place: Place = { project: 'shop', environment: 'staging', namespace: 'shop-staging' };
const signal = AbortSignal.timeout(5_000);

test('what carries this environment’s labels is its own, and nothing else is', async () => {
  const api = new FakeApi();
  const put = (name: string, labels?: Readonly<Record<string, string>>) =>
    api.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(labels ? { labels } : {}) } });
  put('ours', ownLabels(place));
  put('of-production', ownLabels({ ...place, environment: 'production' }));
  put('notes');

  const own = await findOwn(api, place, signal);

  expect(own.map(({ name }) => name)).toEqual(['ours']);
});

test('the receipt has a line for each kind, and one for each object that is left', () => {
  const own = (name: string, kind: keyof typeof kinds, finalizers: readonly string[] = []) => ({
    kind: kinds[kind],
    name,
    uid: undefined,
    isOwned: false,
    finalizers,
    graceSeconds: 0,
  });
  const held = own('shop', 'service', ['example.com/held']);
  const before = [own('shop', 'networkPolicy'), own('a', 'configMap'), own('b', 'configMap'), held];

  expect(itemsOf(before, [held])).toEqual([
    { what: 'NetworkPolicy/shop', isGone: true },
    { what: '2 ConfigMaps', isGone: true },
    { what: 'Service/shop, which waits for example.com/held', isGone: false },
  ]);
});

test('what others put into a namespace is found in every group, and what may not be seen is named', async () => {
  const api = new FakeApi();
  const verbs = ['list', 'delete'];
  const resource = (name: string, kind: string) => ({ name, kind, namespaced: true, verbs });
  const item = (name: string, more: object = {}) => ({ metadata: { name, ...more } });
  const answers: Readonly<Record<string, unknown>> = {
    '/apis': { groups: [{ preferredVersion: { groupVersion: 'example.com/v1' } }] },
    '/api/v1': {
      resources: [
        resource('configmaps', 'ConfigMap'),
        resource('events', 'Event'),
        { ...resource('pods/log', 'Pod'), verbs: ['get'] },
        { ...resource('nodes', 'Node'), namespaced: false },
      ],
    },
    '/apis/example.com/v1': { resources: [resource('databases', 'Database')] },
    '/api/v1/namespaces/shop-staging/configmaps?limit=50': {
      items: [
        item('kube-root-ca.crt'),
        item('leaving', { deletionTimestamp: '2026-11-23T12:00:00Z' }),
        item('owned', { ownerReferences: [{}] }),
        item('notes'),
      ],
    },
    '/apis/example.com/v1/namespaces/shop-staging/databases?limit=50': { items: [item('orders')] },
  };
  api.answerRead = (path) => answers[path];

  expect(await findForeign(api, 'shop-staging', signal)).toEqual(['ConfigMap/notes', 'Database/orders']);
});
