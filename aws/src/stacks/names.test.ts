import { expect, test } from 'bun:test';
import { namesOf } from './names.ts';

/** As long as the config lets a name be. */
const longest = { project: 'p'.repeat(40), environment: 'e'.repeat(40) };
const limits = { stack: 128, guardStack: 128, cluster: 100, repository: 256, logGroup: 512, schedules: 64 };

for (const [key, limit] of Object.entries(limits)) {
  test(`the longest names that a config may hold are short enough for AWS: ${key}`, () => {
    expect(namesOf(longest)[key as keyof typeof limits].length).toBeLessThanOrEqual(limit);
  });
}

test('a budget’s name has room for the longest name of a region', () => {
  expect(`${namesOf(longest).budget}-us-isob-east-1`.length).toBeLessThanOrEqual(100);
});

test('two long names that differ at their end stay two', () => {
  const other = { ...longest, environment: `${'e'.repeat(39)}f` };

  expect(namesOf(other).schedules).not.toBe(namesOf(longest).schedules);
});

test('a short name is what it is called in the config', () => {
  expect(namesOf({ project: 'shop', environment: 'production' })).toMatchInlineSnapshot(`
    {
      "budget": "shop-production",
      "cluster": "shop-production",
      "guardRolePath": "/causeway/guard/shop-production/",
      "guardStack": "shop-production-guard",
      "logGroup": "/aws/eks/shop-production/cluster",
      "repository": "shop-production",
      "rolePath": "/causeway/shop-production/",
      "schedule": "time-to-live",
      "schedules": "shop-production",
      "stack": "shop-production",
    }
  `);
});
