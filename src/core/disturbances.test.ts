import { expect, test } from 'bun:test';
import { Disturbances } from './disturbances.ts';
import type { Observation } from './target.ts';

test('each is told once, and all are kept in order', () => {
  const disturbances = new Disturbances();

  const told = [['a'], ['a', 'b'], ['a', 'b']].map((what) => disturbances.see(seen(...what), 0));

  expect(told).toEqual([['a'], ['b'], []]);
  expect(disturbances.all).toEqual(['a', 'b']);
});

test('how long the environment did not answer is known once it answers again', () => {
  const disturbances = new Disturbances();

  disturbances.see({ kind: 'unreachable', at: 0, cause: 'refused' }, 1_000);
  disturbances.see({ kind: 'unreachable', at: 0, cause: 'timed out' }, 3_000);
  disturbances.see(seen(), 5_000);
  disturbances.see(seen(), 6_000);

  expect(disturbances.all).toEqual(['no answer for 4.0 s: refused']);
});

function seen(...disturbances: readonly string[]): Observation {
  return { kind: 'seen', at: 0, desired: { replicas: 1 }, replicas: [], traffic: [], disturbances };
}
