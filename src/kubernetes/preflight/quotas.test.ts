import { expect, test } from 'bun:test';
import type { ILimitRange, IResourceQuota } from 'kubernetes-models/v1';
import { findLimitProblems, withDefaults } from './limit-ranges.ts';
import { toMilli } from './quantity.ts';
import { findQuotaProblems, type PodNeeds } from './quotas.ts';

const each: PodNeeds = {
  requests: { cpu: toMilli('100m'), memory: toMilli('256Mi') },
  limits: { cpu: undefined, memory: toMilli('256Mi') },
};

function quota(
  hard: Readonly<Record<string, string>>,
  used: Readonly<Record<string, string>> = {},
  spec: IResourceQuota['spec'] = {},
): IResourceQuota {
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'team' },
    spec: { ...spec, hard },
    status: { hard, used },
  };
}

test('a quota with room for all replicas of both releases is no problem', () => {
  const quotas = [quota({ pods: '6', 'requests.memory': '2Gi' }, { pods: '3', 'requests.memory': '768Mi' })];

  expect(findQuotaProblems({ quotas, count: 3, each })).toEqual([]);
});

test('a quota that the second release goes beyond is named, with what is left of it', () => {
  const quotas = [quota({ pods: '5', 'requests.memory': '1Gi' }, { pods: '3', 'requests.memory': '768Mi' })];

  const found = findQuotaProblems({ quotas, count: 3, each }).map(({ message }) => message);

  expect(found).toEqual([
    'quota team has room for 2 of pods (3 of 5 are used), and both releases together need 3 more',
    'quota team has room for 256Mi of requests.memory (768Mi of 1Gi are used), and both releases together need 768Mi more',
  ]);
});

test('a quota on a limit that pods do not have refuses them, unless a LimitRange fills it in', () => {
  const quotas = [quota({ 'limits.cpu': '4' })];
  const ranges = [range({ type: 'Container', default: { cpu: '500m' } })];

  expect(findQuotaProblems({ quotas, count: 2, each })[0]?.hint).toStartWith('write resources.cpuLimit');
  expect(findQuotaProblems({ quotas, count: 2, each: withDefaults(each, ranges) })).toEqual([]);
});

test('a quota that the agent goes beyond says so, and one that refuses it whatever is left is no problem', () => {
  const quotas = [quota({ pods: '3', 'limits.cpu': '4' }, { pods: '3' })];

  const found = findQuotaProblems({ quotas, count: 1, each, isAgent: true }).map(({ message }) => message);

  expect(found).toEqual([
    'quota team has room for 0 of pods (3 of 3 are used), and the agent that watches a rollout needs 1 more',
  ]);
});

test('a quota for other pods than ours is none of our concern', () => {
  const quotas = [
    quota({ pods: '0' }, {}, { scopes: ['BestEffort'] }),
    quota({ pods: '0' }, {}, { scopes: ['Terminating'] }),
    quota(
      { pods: '0' },
      {},
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
        },
      },
    ),
  ];

  expect(findQuotaProblems({ quotas, count: 3, each })).toEqual([]);
});

function range(...limits: NonNullable<ILimitRange['spec']>['limits']): ILimitRange {
  return { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'sizes' }, spec: { limits } };
}

test.each([
  [
    { type: 'Container', max: { memory: '128Mi' } },
    'LimitRange sizes allows 128Mi memory at most, and a replica takes up to 256Mi',
  ],
  [
    { type: 'Pod', min: { cpu: '200m' } },
    'LimitRange sizes asks for at least 200m cpu, and a replica has 100m',
  ],
  [
    { type: 'Container', default: { cpu: '1' }, maxLimitRequestRatio: { cpu: '4' } },
    'LimitRange sizes allows a limit of 4 times the promised cpu, and a replica has 1 over 100m',
  ],
  [
    { type: 'Container', default: { cpu: '50m' } },
    'the namespace limits a container to 50m cpu by default, and a replica is promised 100m',
  ],
])('a LimitRange with %j refuses a replica', (limit, message) => {
  expect(findLimitProblems(each, [range(limit)]).map((found) => found.message)).toEqual([message]);
});

test('a LimitRange that fits is no problem', () => {
  const fitting = range({ type: 'Container', max: { memory: '1Gi', cpu: '2' }, default: { cpu: '500m' } });

  expect(findLimitProblems(each, [fitting])).toEqual([]);
});
