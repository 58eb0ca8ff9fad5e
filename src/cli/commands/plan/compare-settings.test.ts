import { expect, test } from 'bun:test';
import { changesBetween } from './compare-settings.ts';

test('each field that differs is named by its place, with both values', () => {
  const from = { env: { A: '1', B: '2' }, paths: ['/'], port: 8080, probes: { timeoutMs: 1_000 } };
  const to = {
    env: { A: '1', C: '3' },
    paths: ['/', '/b'],
    port: 8080,
    probes: { timeoutMs: 1_000, ready: '/r' },
  };

  expect(changesBetween(from, to)).toEqual([
    { field: 'env.B', from: '2', to: undefined },
    { field: 'env.C', from: undefined, to: '3' },
    { field: 'paths', from: ['/'], to: ['/', '/b'] },
    { field: 'probes.ready', from: undefined, to: '/r' },
  ]);
});

test('what is equal has no changes', () => {
  expect(changesBetween({ a: { b: [1] } }, { a: { b: [1] } })).toEqual([]);
});
