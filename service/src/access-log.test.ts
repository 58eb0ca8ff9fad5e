import { expect, test } from 'bun:test';
import { createAccessLog, pathForLog } from './access-log.ts';

function logAt(...times: number[]) {
  const lines: string[] = [];
  const log = createAccessLog({
    clock: { now: () => times.shift() ?? 0, monotonic: () => 0 },
    lines: { line: (text) => lines.push(text) },
  });
  return { log, lines };
}

const ACCESS = { method: 'GET', path: '"/"', status: 200, durationMs: 0.0421, traceparent: null };

test('a request is one line of JSON', () => {
  const { log, lines } = logAt(1_529_729_125_042);

  log(ACCESS);

  expect(lines).toEqual([
    '{"time":"2018-06-23T04:45:25.042Z","method":"GET","path":"/","status":200,"duration_ms":0.042}\n',
  ]);
});

test('the time goes on within a second, into the next one, and back with the clock', () => {
  const { log, lines } = logAt(1_529_729_125_999, 1_529_729_126_000, 1_529_729_126_007.9, 1_529_729_125_100);

  for (let i = 0; i < 4; i++) log(ACCESS);

  expect(lines.map((line) => JSON.parse(line).time)).toEqual([
    '2018-06-23T04:45:25.999Z',
    '2018-06-23T04:45:26.000Z',
    '2018-06-23T04:45:26.007Z',
    '2018-06-23T04:45:25.100Z',
  ]);
});

test('the duration is in milliseconds, to the microsecond', () => {
  const { log, lines } = logAt();

  for (const durationMs of [0, 0.0004, 0.05, 0.9994, 0.9996, 12.3456, 2000]) log({ ...ACCESS, durationMs });

  expect(lines.map((line) => JSON.parse(line).duration_ms)).toEqual([0, 0, 0.05, 0.999, 1, 12.346, 2000]);
});

test('requests of the same millisecond are told apart', () => {
  const { log, lines } = logAt();

  log(ACCESS);
  log({ ...ACCESS, status: 500 });
  log({ ...ACCESS, method: 'HEAD' });
  log({ ...ACCESS, path: '"/a"' });
  log(ACCESS);

  expect(
    lines.map((line) => JSON.parse(line)).map(({ method, path, status }) => [method, path, status]),
  ).toEqual([
    ['GET', '/', 200],
    ['GET', '/', 500],
    ['HEAD', '/', 200],
    ['GET', '/a', 200],
    ['GET', '/', 200],
  ]);
});

test('a valid traceparent is taken over, an invalid one is left out', () => {
  const { log, lines } = logAt(0, 0);

  log({ ...ACCESS, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
  log({ ...ACCESS, traceparent: '00-","status":500,"x":"-01' });

  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      time: '1970-01-01T00:00:00.000Z',
      method: 'GET',
      path: '/',
      status: 200,
      duration_ms: 0.042,
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      parent_id: 'b7ad6b7169203331',
    },
    { time: '1970-01-01T00:00:00.000Z', method: 'GET', path: '/', status: 200, duration_ms: 0.042 },
  ]);
});

test.each([
  ['a whole URL', 'http://service.test:8080/a/b', '"/a/b"'],
  ['a URL without origin, as HTTP/1.0 gives it', '/a', '"/a"'],
  ['a query, where secrets stand', 'http://service.test/a?token=secret', '"/a"'],
  ['a query that looks like a path', 'http://service.test/?/b', '"/"'],
  ['quotes and backslashes', 'http://service.test/"\\', '"/\\"\\\\"'],
  [
    'line ends and control characters',
    'http://service.test/\r\n\u0000\u001b[2J',
    '"/\\r\\n\\u0000\\u001b[2J"',
  ],
  ['half of a surrogate pair', 'http://service.test/\ud800', '"/\\ud800"'],
])('the path for the log is safe: %s', (_, url, path) => {
  expect(pathForLog(url)).toBe(path);
});

test('a long path is cut', () => {
  const path = JSON.parse(pathForLog(`http://service.test/${'a'.repeat(5000)}`));

  expect(path).toBe(`/${'a'.repeat(1023)}…`);
});
