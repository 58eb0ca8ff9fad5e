import { expect, test } from 'bun:test';
import { showBytes } from './show-bytes.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1 kB'],
  [12_345, '12 kB'],
  [1_500_000, '1.5 MB'],
  [50_990_000, '51.0 MB'],
  [512_000_000, '512 MB'],
  [2_100_000_000, '2.1 GB'],
])('%p bytes are shown as %p', (bytes, shown) => {
  expect(showBytes(bytes)).toBe(shown);
});
