import { describe, expect, test } from 'bun:test';
import { readExposition } from './exposition.ts';

test('the two series are summed over all labels but the one that counts', () => {
  const reading = readExposition(`# HELP http_requests_total Answers.
# TYPE http_requests_total counter
http_requests_total{method="GET",status="200"} 12
http_requests_total{method="POST",status="200",path="/a \\"b\\" {c}, \\\\"} 3 1395066363000
http_requests_total{status="503",} 1e+01
http_requests_total_other{x="1"} nonsense
go_goroutines 7
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.005",path="/"} 4
http_request_duration_seconds_bucket{path="/b",le="0.005"} 6.0
http_request_duration_seconds_bucket{path="/",le="+Inf"} 9\r
http_request_duration_seconds_sum{path="/"} 1.5
http_request_duration_seconds_count{path="/"} 9
`);

  expect(reading.requests).toEqual(
    new Map([
      ['200', 15],
      ['503', 10],
    ]),
  );
  expect(reading.faults).toEqual(new Map([['503 ', 10]]));
  expect(reading.durations).toEqual(
    new Map([
      [0.005, 10],
      [Number.POSITIVE_INFINITY, 9],
    ]),
  );
});

test.each(['route', 'path', 'handler', 'uri'])('a 5xx is of the path that the label %s names', (label) => {
  const { faults } = readExposition(
    [500, 500, 404]
      .map((status, at) => `http_requests_total{status="${status}",${label}="/a",x="${at}"} 2`)
      .join('\n'),
  );

  expect(faults).toEqual(new Map([['500 /a', 4]]));
});

test('what has neither of the two is nothing, and no fault', () => {
  for (const text of ['', 'up 1\n', '<html>not metrics</html>']) {
    const { requests, durations } = readExposition(text);
    expect([requests.size, durations.size]).toEqual([0, 0]);
  }
});

describe('a line of the two that is not in the format makes the whole unusable', () => {
  for (const line of [
    'http_requests_total 5',
    'http_requests_total{code="200"} 5',
    'http_requests_total{status="OK"} 5',
    'http_requests_total{status="200"}',
    'http_requests_total{status="200"} many',
    'http_requests_total{status="200"} -1',
    'http_requests_total{status="200"} NaN',
    'http_requests_total{status="200"} +Inf',
    'http_requests_total{status="200"} 5 6 7',
    'http_requests_total{status="200",status="500"} 5',
    'http_requests_total{status=200} 5',
    'http_requests_total{status="200} 5',
    'http_request_duration_seconds_bucket{le="soon"} 5',
    'http_request_duration_seconds_bucket{le=""} 5',
    'http_request_duration_seconds_bucket{le="-1"} 5',
    'http_request_duration_seconds_bucket 5',
  ]) {
    test(line, () => {
      expect(() => readExposition(`http_requests_total{status="200"} 1\n${line}\n`)).toThrow(
        'a line of the metrics',
      );
    });
  }
});
