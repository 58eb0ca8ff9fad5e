import { expect, test } from 'bun:test';
import { makeShop } from './fixtures.ts';
import { networkPolicyOf } from './network-policy.ts';

const agent = {
  podSelector: {
    matchLabels: {
      'app.kubernetes.io/name': 'shop',
      'app.kubernetes.io/managed-by': 'causeway',
      'causeway.dev/environment': 'staging',
      'app.kubernetes.io/component': 'agent',
    },
  },
};

test('inside the cluster alone, pods of the same namespace may come', () => {
  expect(originsOf({})).toEqual([{ podSelector: {} }]);
});

test('whom the config names may come, and the agent', () => {
  const allowFrom = [{ namespace: 'edge' }, { cidr: '10.0.0.0/8' }];

  expect(originsOf({ allowFrom })).toEqual([
    agent,
    { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'edge' } } },
    { ipBlock: { cidr: '10.0.0.0/8' } },
  ]);
});

test('where the config names nobody, the agent alone may come', () => {
  expect(originsOf({ allowFrom: [] })).toEqual([agent]);
});

test.each([{ kind: 'loadbalancer' }, { kind: 'ingress', host: 'shop.example.com' }])(
  'behind $kind everybody may come',
  (exposure) => {
    expect(originsOf({ exposure })).toBeUndefined();
  },
);

test('behind a load balancer those may come whom the config names', () => {
  const environment = { exposure: { kind: 'loadbalancer' }, allowFrom: [{ cidr: '10.0.0.0/8' }] };

  expect(originsOf(environment)).toEqual([agent, { ipBlock: { cidr: '10.0.0.0/8' } }]);
});

function originsOf(environment: object) {
  const { place, config } = makeShop({ environment });
  return networkPolicyOf({ place, ...config, allowFrom: config.allowFrom }).spec.ingress[0]?.from;
}
