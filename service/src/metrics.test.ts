import { expect, test } from 'bun:test';
import { Metrics, type ProcessFacts } from './metrics.ts';

const FACTS: ProcessFacts = {
  startedAtSeconds: 1_529_729_000,
  runtime: 'bun 1.4.5',
  release: '9f3c2a1',
  revision: 'a "quoted" \\ revision',
  residentBytes: () => 41_943_040,
  cpuSeconds: () => 0.25,
  droppedLogLines: () => 3,
};

test('what was recorded is rendered in the Prometheus text format', () => {
  const metrics = new Metrics();
  const route = metrics.route('/');
  metrics.inFlight = 1;

  route.record('GET', 200, 0.0005);
  route.record('GET', 200, 0.0625);
  route.record('HEAD', 200, 16);
  route.record('GET', 500, 0.25);

  expect(metrics.render(FACTS)).toBe(`# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{method="GET",route="/",status="200"} 2
http_requests_total{method="GET",route="/",status="500"} 1
http_requests_total{method="HEAD",route="/",status="200"} 1
# HELP http_request_duration_seconds Time from request to answer.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.0005"} 1
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.001"} 1
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.0025"} 1
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.005"} 1
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.01"} 1
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.025"} 1
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.05"} 1
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.1"} 2
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.25"} 2
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="0.5"} 2
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="1"} 2
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="2.5"} 2
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="5"} 2
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="10"} 2
http_request_duration_seconds_bucket{route="/",status_class="2xx",le="+Inf"} 3
http_request_duration_seconds_sum{route="/",status_class="2xx"} 16.063
http_request_duration_seconds_count{route="/",status_class="2xx"} 3
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.0005"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.001"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.0025"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.005"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.01"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.025"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.05"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.1"} 0
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.25"} 1
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="0.5"} 1
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="1"} 1
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="2.5"} 1
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="5"} 1
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="10"} 1
http_request_duration_seconds_bucket{route="/",status_class="5xx",le="+Inf"} 1
http_request_duration_seconds_sum{route="/",status_class="5xx"} 0.25
http_request_duration_seconds_count{route="/",status_class="5xx"} 1
# HELP http_requests_in_flight Requests being answered, this one included.
# TYPE http_requests_in_flight gauge
http_requests_in_flight 1
# HELP service_build_info What is running; always 1.
# TYPE service_build_info gauge
service_build_info{release="9f3c2a1",revision="a \\"quoted\\" \\\\ revision",runtime="bun 1.4.5"} 1
# HELP access_log_dropped_lines_total Access log lines that found no reader.
# TYPE access_log_dropped_lines_total counter
access_log_dropped_lines_total 3
# HELP process_start_time_seconds When the process started, in Unix time.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1529729000
# HELP process_resident_memory_bytes Resident memory.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 41943040
# HELP process_cpu_seconds_total CPU time, user and system.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 0.25
`);
});

test('unknown methods share one label value', () => {
  const metrics = new Metrics();
  const route = metrics.route('/');

  for (const method of ['PROPFIND', 'TRACE', 'M-SEARCH']) route.record(method, 405, 0.001);

  expect(metrics.render(FACTS).match(/^http_requests_total\{.*$/gm)).toEqual([
    'http_requests_total{method="other",route="/",status="405"} 3',
  ]);
});

test('a release that is not configured is no label', () => {
  const text = new Metrics().render({ ...FACTS, release: undefined, revision: undefined });

  expect(text).toContain('service_build_info{runtime="bun 1.4.5"} 1\n');
});
