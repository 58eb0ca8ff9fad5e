import { expect, test } from 'bun:test';
import { Histogram, hasFailed, renderReport, Tally } from './report.ts';

test('a quantile is within 1.1 % of the exact one, the maximum is exact', () => {
  const histogram = new Histogram();

  for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);

  expect(Math.abs(histogram.quantile(0.5) / 500 - 1)).toBeLessThan(0.011);
  expect(Math.abs(histogram.quantile(0.99) / 990 - 1)).toBeLessThan(0.011);
  expect(histogram.max).toBe(1000);
  expect(histogram.quantile(1)).toBeLessThanOrEqual(1000);
});

test('a histogram of nothing says 0, and takes any time', () => {
  const empty = new Histogram();
  const extreme = new Histogram();

  extreme.add(0);
  extreme.add(1e9);

  expect(empty.quantile(0.5)).toBe(0);
  expect(extreme.quantile(0.5)).toBeLessThanOrEqual(0.001);
  expect(extreme.max).toBe(1e9);
});

test('the first 20 failures of a cause are kept, and all are counted', () => {
  const tally = new Tally();
  const stream = tally.stream('kept');

  for (let index = 0; index < 50; index++) stream.failed(failure('refused'));
  stream.failed(failure('wrong-body'));

  const report = tally.report({ seconds: 1 });
  expect(report.causes.refused).toBe(50);
  expect(report.failures.filter(({ cause }) => cause === 'refused')).toHaveLength(20);
  expect(report.failures.filter(({ cause }) => cause === 'wrong-body')).toHaveLength(1);
});

test('as many failures of a cause are kept as are asked for', () => {
  const tally = new Tally({ failuresKept: 30 });
  const stream = tally.stream('kept');

  for (let index = 0; index < 50; index++) stream.failed(failure('refused'));

  expect(tally.report({ seconds: 1 }).failures).toHaveLength(30);
});

test('a report stays as it was when more is counted', () => {
  const tally = new Tally();
  const stream = tally.stream('kept');
  stream.ok({ elapsedMs: 1, release: 'one' });

  const report = tally.report({ seconds: 1 });
  stream.ok({ elapsedMs: 1, release: 'one' });

  expect(report.requests).toBe(1);
  expect(report.releases).toEqual({ one: { ok: 1, failed: 0 } });
});

test('bytes without a request are a failure though every request went well', () => {
  const tally = new Tally();
  const stream = tally.stream('kept');

  stream.ok({ elapsedMs: 1, release: 'one' });
  const before = hasFailed(tally.totals);
  stream.stray();

  expect(before).toBe(false);
  expect(hasFailed(tally.totals)).toBe(true);
});

test('a report reads as a table, the releases, the causes and the first failures', () => {
  const tally = new Tally();
  const kept = tally.stream('kept');
  const post = tally.stream('post new');
  kept.opened();
  post.opened();
  for (let index = 0; index < 3; index++) kept.ok({ elapsedMs: 0.25, release: '9f3c2a1' });
  kept.retried();
  post.failed({ ...failure('503'), status: 503, release: '4be21c0' });
  post.failed(failure('reset'));

  const text = renderReport(tally.report({ seconds: 2 }));

  expect(text).toMatchInlineSnapshot(`
    "stream    requests  ok  failed  retried  opened  p50 ms  p99 ms  max ms
    kept             3   3       0        1       1    0.25    0.25    0.25
    post new         2   0       2        0       1    0.00    0.00    0.00
    total            5   3       2        1       2

    2.0 s, 3 requests a second
    answered by  9f3c2a1 3 · 4be21c0 1
    failed       503 1 · reset 1
      04:18:49.005 post new: 503 (detail) after 1.3 ms, request 2 of a connection 20 ms old, status 503 by 4be21c0
      04:18:49.005 post new: reset (detail) after 1.3 ms, request 2 of a connection 20 ms old"
  `);
});

function failure(cause: '503' | 'reset' | 'refused' | 'wrong-body') {
  return {
    cause,
    detail: 'detail',
    at: Date.UTC(2018, 5, 23, 4, 18, 49, 5),
    elapsedMs: 1.25,
    connection: { ageMs: 20, requests: 2, isReused: true },
  };
}
