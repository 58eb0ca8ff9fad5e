import { expect, test } from 'bun:test';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import { allObjects } from './all-objects.ts';
import { deploymentOf, deploymentPatch } from './deployment.ts';
import { makeShop } from './fixtures.ts';
import { chosenBy } from './gate.ts';
import { templateOf } from './pod-template.ts';

const { place, stored, release } = makeShop();
const template = templateOf(stored, undefined);

const closed = 1_000_000_000;

test.each([
  ['open', 'all', 0, { maxUnavailable: 0, maxSurge: 1 }],
  ['one', 'all', closed, { maxUnavailable: 0, maxSurge: 1 }],
  ['all', 'all', closed, { maxUnavailable: 0, maxSurge: '100%' }],
  ['open', 'one', 0, { maxUnavailable: 0, maxSurge: 1 }],
  ['one', 'one', closed, { maxUnavailable: 0, maxSurge: 1 }],
  ['open', 'none', 0, { maxUnavailable: 1, maxSurge: 0 }],
  ['one', 'none', closed, { maxUnavailable: 1, maxSurge: 0 }],
] as const)('the gate %s, with room for %s, waits %i s and moves by %j', (...row) => {
  const [gate, surge, minReadySeconds, rollingUpdate] = row;

  const { spec } = deploymentOf({ place, template, replicas: 3, gate, surge });

  expect(spec).toMatchObject({ replicas: 3, minReadySeconds });
  expect(spec.progressDeadlineSeconds).toBeGreaterThan(minReadySeconds);
  expect(spec.strategy.rollingUpdate).toEqual(rollingUpdate);
});

test('what is rendered moves as the environment’s setting says', () => {
  const { config } = makeShop({ environment: { surge: 'none' } });

  const objects = allObjects({ place, config, stored, secretSet: undefined, replicas: 2 });

  const deployment = objects.find(({ kind }) => kind === 'Deployment') as IDeployment;
  expect(deployment.spec?.strategy?.rollingUpdate).toEqual({ maxUnavailable: 1, maxSurge: 0 });
});

test('the only replica that serves makes room for nobody', () => {
  const { spec } = deploymentOf({ place, template, replicas: 1, gate: 'one', surge: 'none' });

  expect(spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
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

test('where stable replicas give way, the gate is open from the second step on, and for a rollback at once', () => {
  const stable = { release };
  const candidate = { release: { ...release, id: 'other' } };
  const gateOf = (surge: 'one' | 'none', size: 'one' | 'all') =>
    chosenBy({ replicas: 2, surge, stable, candidate: { ...candidate, size } });

  for (const surge of ['one', 'none'] as const) {
    expect(gateOf(surge, 'one')).toEqual({ running: candidate, gate: 'one' });
    expect(gateOf(surge, 'all')).toEqual({ running: candidate, gate: 'open' });
  }
});
