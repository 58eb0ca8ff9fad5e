import { expect, test } from 'bun:test';
import { deploymentOf, deploymentPatch } from './deployment.ts';
import { makeShop } from './fixtures.ts';
import { chosenBy, type Gate } from './gate.ts';
import { templateOf } from './pod-template.ts';

const { place, stored, release } = makeShop();
const template = templateOf(stored, undefined);

test.each([
  ['open', 0, 1],
  ['one', 1_000_000_000, 1],
  ['all', 1_000_000_000, '100%'],
] as const)('the gate %s waits %i s, and surges by %p', (gate: Gate, minReadySeconds, maxSurge) => {
  const { spec } = deploymentOf({ place, template, replicas: 3, gate });

  expect(spec).toMatchObject({ replicas: 3, minReadySeconds });
  expect(spec.progressDeadlineSeconds).toBeGreaterThan(minReadySeconds);
  expect(spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge });
});

test('a patch takes the template whole, and leaves what others own elsewhere', () => {
  const wanted = deploymentOf({ place, template, replicas: undefined, gate: 'open' });
  const found = { ...wanted, metadata: { ...wanted.metadata, labels: { team: 'blue' } } };

  const patch = deploymentPatch(wanted, found);

  expect(patch).toContainEqual({ op: 'add', path: '/spec/template', value: template });
  expect(patch[0]?.value).toEqual({ team: 'blue', ...wanted.metadata.labels });
  expect(patch.map(({ path }) => path)).not.toContain('/spec/replicas');
});

test('the gate is closed only while a candidate is tried beside a stable release', () => {
  const stable = { release };
  const candidate = { release: { ...release, id: 'other' } };
  const chosen = (desired: object) => chosenBy({ replicas: 2, ...desired });

  expect(chosen({})).toBeUndefined();
  expect(chosen({ stable })).toEqual({ running: stable, gate: 'open' });
  expect(chosen({ stable, candidate: { ...candidate, size: 'none' } })?.running).toEqual(stable);
  expect(chosen({ stable, candidate: { ...candidate, size: 'one' } })?.gate).toBe('one');
  expect(chosen({ stable, candidate: { ...candidate, size: 'all' } })?.gate).toBe('all');
  expect(chosen({ candidate: { ...candidate, size: 'all' } })?.gate).toBe('open');
});
