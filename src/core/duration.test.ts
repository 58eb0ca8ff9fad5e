import { describe, expect, test } from 'bun:test';
import { type Duration, showMs, toMs } from './duration.ts';
import { durationSchema } from './duration-schema.ts';

describe('a duration', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5m', 90_000],
    ['8h', 28_800_000],
    ['1d', 86_400_000],
    ['0.4ms', 0],
  ] satisfies [Duration, number][])('%s is %d ms', (text, ms) => {
    const duration = durationSchema.parse(text);

    expect(toMs(duration)).toBe(ms);
  });

  test.each([
    '',
    '5',
    's',
    '5 s',
    '5S',
    '5sec',
    '5w',
    'fives',
    '1e3s',
    '0x10s',
    'NaNs',
    'Infinitys',
    '1.s',
    '--5s',
    '1,5s',
  ])('%p is none', (text) => {
    const result = durationSchema.safeParse(text);

    expect(result.error?.issues[0]?.message).toEndWith(
      "is not a duration; write '500ms', '2s', '5m' or '8h'",
    );
  });

  test('is not negative', () => {
    const result = durationSchema.safeParse('-5s');

    expect(result.error?.issues[0]?.message).toEndWith('negative');
  });
});

test.each([
  [-3, '0 ms'],
  [0.4, '0 ms'],
  [36, '36 ms'],
  [99.4, '99 ms'],
  [99.6, '100 ms'],
  [400, '0.4 s'],
  [9_949, '9.9 s'],
  [9_960, '10.0 s'],
  [12_300, '12 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [180_000, '3 min'],
  [7_200_000, '2 h'],
  [86_400_000, '24 h'],
  [172_800_000, '2 d'],
  [432_000_000, '5 d'],
])('%d ms are read as %s', (ms, text) => {
  expect(showMs(ms)).toBe(text);
});
