import { expect, test } from 'bun:test';
import { didYouMean } from './did-you-mean.ts';

const commands = ['up', 'deploy', 'rollback', 'releases', 'status', 'down'];

test.each([
  ['dploy', 'deploy'],
  ['depoly', 'deploy'],
  ['Deploy', 'deploy'],
  ['rolback', 'rollback'],
  ['statsu', 'status'],
  ['pu', 'up'],
  ['stat', 'status'],
  ['Roll', 'rollback'],
])('%s is taken for %s', (word, meant) => {
  expect(didYouMean(word, commands)).toBe(meant);
});

test.each(['xyz', 'a', '', 'kubernetes'])('%p is taken for nothing', (word) => {
  expect(didYouMean(word, commands)).toBeUndefined();
});

test('the nearest word is chosen, and the first of two that are equally near', () => {
  expect(didYouMean('prt', ['part', 'port', 'prt2'])).toBe('part');
  expect(didYouMean('port2', ['part', 'port'])).toBe('port');
});

test('the beginning of two words is taken for neither', () => {
  expect(didYouMean('stag', ['staging-eu', 'staging-us'])).toBeUndefined();
});

test('without known words nothing was meant', () => {
  expect(didYouMean('up', [])).toBeUndefined();
});
