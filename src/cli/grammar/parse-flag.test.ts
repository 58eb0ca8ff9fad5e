import { expect, test } from 'bun:test';
import { moment, oneOf, wholeNumber } from './parse-flag.ts';

test('a span is that long ago, a date is that moment', () => {
  expect(moment('--since', '5m', 1_000_000)).toEqual({ since: 700_000, isSpan: true });
  expect(moment('--since', '1.5s', 1_000_000)).toEqual({ since: 998_500, isSpan: true });
  expect(moment('--since', '2026-07-01T09:30:00Z', 0)).toEqual({
    since: Date.UTC(2026, 6, 1, 9, 30),
    isSpan: false,
  });
});

test.each(['', '5', 'm', '-5m', 'soon', '2026-99-99', '2026-02-30', '2026-02-30T10:00:00Z'])(
  '%p is no moment',
  (text) => {
    expect(() => moment('--since', text, 0)).toThrow("is not a span such as '5m'");
  },
);

test.each(['', '0', '-1', '1.5', '1e3', 'ten', '9999999999'])('%p is no whole number above 0', (text) => {
  expect(() => wholeNumber('--limit')(text)).toThrow('is not a whole number above 0');
});

test('one of a few words is that word, and any other is told which there are', () => {
  const parse = oneOf('--platform', ['linux/amd64', 'linux/arm64']);

  expect(parse('linux/arm64')).toBe('linux/arm64');
  expect(() => parse('linux/mips')).toThrow('--platform linux/mips is not linux/amd64 or linux/arm64');
});
