import { expect, test } from 'bun:test';
import { parseWrk } from './wrk.ts';

const output = `Running 2s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.31ms  404.80us   9.60ms   92.73%
    Req/Sec    48.95k     4.05k   54.20k    75.00%
  Latency Distribution
     50%  950.00us
     75%    1.40ms
     90%    1.62ms
     99%    2.91ms
  97532 requests in 2.01s, 19.90MB read
`;

test('requests and latencies are read, each in its unit', () => {
  expect(parseWrk(output)).toEqual({ requests: 97_532, p50Ms: 0.95, p99Ms: 2.91, failed: 0 });
});

test('all that went wrong is counted', () => {
  const failed = `${output}  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\n`;

  expect(parseWrk(failed).failed).toBe(54_321);
});

test('a server that takes seconds is read too', () => {
  expect(parseWrk(output.replace('2.91ms', '1.20s')).p99Ms).toBe(1200);
});

test('a run without an answer is no measurement', () => {
  expect(() => parseWrk('  0 requests in 2.00s, 0B read')).toThrow('wrk has sent nothing');
  expect(() => parseWrk(output.replace('950.00us', '-nanus'))).toThrow('no time that we know: -nanus');
});
