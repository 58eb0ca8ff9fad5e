import { expect, test } from 'bun:test';
import { nodesAtWorst, nodesFor, outlookOf } from './limits.ts';
import { priceOf } from './price.ts';

const standard = { region: 'us-east-1', network: 'public', nodes: 1 } as const;
const replica = { cpuMilli: 100, memoryMi: 256 };

test('the defaults live for two dollars at most, rollouts and deletion included', () => {
  const worst = priceOf({ ...standard, nodes: nodesAtWorst({ replicas: 2, ...replica }) });
  const outlook = outlookOf(priceOf(standard), worst, { hoursToLive: 8, budget: 100 });

  expect(outlook).toMatchObject({ kind: 'ends', hours: 8.5, exceedsBudget: false });
  expect(outlook.atWorst).toBeLessThanOrEqual(2);
});

test('a protected environment says how many whole days the budget lasts, and that a month exceeds it', () => {
  const price = priceOf(standard);
  const outlook = outlookOf(price, price, { budget: 100 });

  expect(outlook).toEqual({
    kind: 'stays',
    perMonth: price.perMonth,
    atWorst: price.perMonth,
    budgetDays: 17,
    exceedsBudget: true,
  });
  expect(outlookOf(price, price, { budget: 200 }).exceedsBudget).toBe(false);
});

test('the budget is held against the worst that can come, not against what is likely', () => {
  const price = priceOf(standard);
  const worst = priceOf({ ...standard, nodes: 40 });

  expect(outlookOf(price, price, { hoursToLive: 48, budget: 50 }).exceedsBudget).toBe(false);
  expect(outlookOf(price, worst, { hoursToLive: 48, budget: 50 }).exceedsBudget).toBe(true);
});

test('without replicas there is a node nevertheless: the cluster’s own pods need one', () => {
  expect(nodesFor({ replicas: 0, ...replica })).toBe(1);
});

const demands: readonly [string, Parameters<typeof nodesFor>[0], number][] = [
  ['two small replicas share one', { replicas: 2, ...replica }, 1],
  ['memory fills a node first', { replicas: 9, cpuMilli: 100, memoryMi: 256 }, 2],
  ['CPU fills a node first', { replicas: 4, cpuMilli: 900, memoryMi: 64 }, 2],
  ['no node holds more pods than it has addresses for', { replicas: 28, cpuMilli: 1, memoryMi: 1 }, 2],
  [
    'a replica that asks for no CPU is counted by its memory',
    { replicas: 8, cpuMilli: 0, memoryMi: 1024 },
    4,
  ],
  ['one that no small node holds counts as as many', { replicas: 2, cpuMilli: 4000, memoryMi: 256 }, 6],
];
for (const [title, demand, nodes] of demands) {
  test(`nodes are counted by what replicas are promised: ${title}`, () => {
    expect(nodesFor(demand)).toBe(nodes);
  });
}

test('in a rollout every replica stands twice', () => {
  const demand = { replicas: 8, ...replica };

  expect(nodesFor(demand)).toBe(1);
  expect(nodesAtWorst(demand)).toBe(2);
});
