import { expect, test } from 'bun:test';
import { showCpu, showMemory, toMilli } from './quantity.ts';

test.each([
  ['100m', 100],
  ['1.5', 1500],
  [2, 2000],
  ['12e3', 12_000_000],
  ['1Ki', 1_024_000],
  ['128974848', 128_974_848_000],
  ['1G', 1e12],
  ['100n', 1],
  [undefined, 0],
])('%p is %p thousandths', (quantity, milli) => {
  expect(toMilli(quantity)).toBe(milli);
});

test('quantities are shown as people write them', () => {
  expect([showCpu(250), showCpu(2000), showCpu(1500)]).toEqual(['250m', '2', '1.5']);
  expect([showMemory(toMilli('256Mi')), showMemory(toMilli('1536Mi'))]).toEqual(['256Mi', '1.5Gi']);
});
