import { expect, test } from 'bun:test';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningService } from '../fixtures/running-service.ts';
import { exchange } from '../fixtures/wire.ts';

const LONG = { DRAIN_SECONDS: '60', SHUTDOWN_DEADLINE_SECONDS: '60' } as const;
const NO_DRAIN = { DRAIN_SECONDS: '0', SHUTDOWN_DEADLINE_SECONDS: '60' } as const;

function request(method: string, path: string, ...headers: string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: service.test', 'Connection: close', ...headers, '', ''].join(
    '\r\n',
  );
}

/** Headers in one order, and the two values that differ from second to second replaced. */
function settled(answer: string): string {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [status, ...headers] = head.split('\r\n');
  const lines = headers.map((header) => header.replace(/^([^:]+): /, (name) => name.toLowerCase())).sort();
  return [status, ...lines, '', body]
    .join('\n')
    .replace(/date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/, 'date: …')
    .replace(/"timestamp":\d{10}}$/, '"timestamp":1529729125}');
}

async function askOften(url: string, times: number): Promise<void> {
  for (let left = times; left > 0; left -= 50) {
    await Promise.all(Array.from({ length: Math.min(50, left) }, async () => (await fetch(url)).text()));
  }
}

/** Asks for `/held`, and resolves when the service has begun to answer it. */
async function hold(url: string): Promise<{ readonly answer: Promise<Response> }> {
  const answer = fetch(`${url}/held`);
  answer.catch(() => {});
  const isHeld = async () => (await (await fetch(`${url}/metrics`)).text()).includes('in_flight 2');
  while (!(await isHeld())) await Bun.sleep(1);
  return { answer };
}

async function untilRefused(url: string): Promise<void> {
  const isAccepted = () =>
    exchange(url, request('GET', '/livez')).then(
      (answer) => answer !== '',
      () => false,
    );
  while (await isAccepted()) await Bun.sleep(1);
}

test.concurrent('GET / answers the contract byte for byte, and HEAD the same without the body', async () => {
  await using service = new RunningService();
  const url = await service.url();

  const before = Math.floor(Date.now() / 1000);
  const get = await exchange(url, request('GET', '/'));
  const head = await exchange(url, request('HEAD', '/'));
  const after = Math.floor(Date.now() / 1000);

  const timestamp = Number(/"timestamp":(\d+)}$/.exec(get)?.[1]);
  expect(timestamp).toBeWithin(before, after + 1);
  const headers = `HTTP/1.1 200 OK
cache-control: no-store
content-length: 61
content-type: application/json
date: …

`;
  expect(settled(get)).toBe(`${headers}{"message":"Automate all the things!","timestamp":1529729125}`);
  expect(settled(head)).toBe(headers);
});

test.concurrent('problems are the same on the wire, and have no body for HEAD', async () => {
  await using service = new RunningService({ env: { MAX_BODY_BYTES: '1000', MAX_HEADER_BYTES: '2000' } });
  const url = await service.url();

  const answers = {
    'HEAD /nothing': await exchange(url, request('HEAD', '/nothing')),
    'GET /a/../livez': await exchange(url, request('GET', '/a/../livez')),
    'PROPFIND /': await exchange(url, request('PROPFIND', '/')),
    'POST / of 10 GB': await exchange(url, request('POST', '/', 'Content-Length: 10000000000')),
    'GET / with a long header': await exchange(url, request('GET', '/', `X: ${'a'.repeat(2000)}`)),
  };

  const seen = Object.entries(answers).map(([name, answer]) => [name, ...settled(answer).split('\n')]);
  const always = ['cache-control: no-store', 'content-type: application/problem+json', 'date: …'];
  for (const lines of seen) expect(lines).toEqual(expect.arrayContaining(always));
  expect(seen.map(([name, status, ...rest]) => [name, status, rest.at(-1)])).toEqual([
    ['HEAD /nothing', 'HTTP/1.1 404 Not Found', ''],
    [
      'GET /a/../livez',
      'HTTP/1.1 404 Not Found',
      '{"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at this path"}',
    ],
    [
      'PROPFIND /',
      'HTTP/1.1 405 Method Not Allowed',
      '{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"this path answers GET, HEAD"}',
    ],
    [
      'POST / of 10 GB',
      'HTTP/1.1 413 Payload Too Large',
      '{"type":"about:blank","title":"Content Too Large","status":413,"detail":"the body is longer than 1000 bytes"}',
    ],
    [
      'GET / with a long header',
      'HTTP/1.1 431 Request Header Fields Too Large',
      '{"type":"about:blank","title":"Request Header Fields Too Large","status":431,"detail":"the header fields are longer than 2000 bytes"}',
    ],
  ]);
});

test.concurrent('the runtime answers by itself, without a body, what never becomes a request', async () => {
  await using service = new RunningService();
  const url = await service.url();

  const answers = {
    'a header over 16 KiB': await exchange(url, request('GET', '/', `X: ${'a'.repeat(17_000)}`)),
    'no Host': await exchange(url, 'GET / HTTP/1.1\r\n\r\n'),
    'a method that is not registered': await exchange(url, request('FOO', '/')),
  };

  expect(answers).toEqual({
    'a header over 16 KiB': 'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n',
    'no Host': 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
    'a method that is not registered': '',
  });
});

test.concurrent('SIGTERM fails readiness at once, while everything else is still answered', async () => {
  await using service = new RunningService({ env: LONG });
  const url = await service.url();
  const readyBefore = await fetch(`${url}/readyz`);

  service.signal('SIGTERM');
  await service.said('"message":"draining"');
  const answers = [await fetch(`${url}/readyz`), await fetch(`${url}/livez`), await fetch(`${url}/`)];
  service.signal('SIGTERM');

  expect(readyBefore.status).toBe(200);
  expect(answers.map(({ status }) => status)).toEqual([503, 200, 200]);
  expect(answers.map(({ headers }) => headers.get('connection'))).toEqual(['close', 'close', 'close']);
  expect(await service.exited).toBe(0);
});

test.concurrent('what is in flight is finished after the listener has closed', async () => {
  await using service = new RunningService({ entry: 'fixtures/with-extra-endpoints.ts', env: NO_DRAIN });
  const url = await service.url();
  const held = await hold(url);

  service.signal('SIGTERM');
  await untilRefused(url);
  service.signal('SIGUSR1');
  const answer = await held.answer;

  expect(await answer.text()).toBe('released');
  expect(answer.headers.get('connection')).toBe('close');
  expect(await service.exited).toBe(0);
  expect(await service.accessLog()).toContain('"path":"/held","status":200');
});

test.concurrent('what is still in flight at the deadline is cut, said, and told by the exit code', async () => {
  await using service = new RunningService({
    entry: 'fixtures/with-extra-endpoints.ts',
    env: { DRAIN_SECONDS: '0', SHUTDOWN_DEADLINE_SECONDS: '0.05' },
  });
  await hold(await service.url());

  service.signal('SIGTERM');

  expect(await service.exited).toBe(1);
  expect(JSON.parse(await service.said('cut'))).toMatchObject({
    level: 'error',
    message: 'requests in flight were cut',
    count: 1,
    requests: ['GET /held'],
  });
});

test.concurrent('a second signal leaves at once', async () => {
  await using service = new RunningService({ entry: 'fixtures/with-extra-endpoints.ts', env: LONG });
  await hold(await service.url());

  service.signal('SIGTERM');
  await service.said('"message":"draining"');
  service.signal('SIGINT');

  expect(await service.exited).toBe(1);
  expect(await service.allSaid()).toContain('"message":"requests in flight were cut"');
});

test.concurrent('every one of 1,000 requests is in the access log after SIGTERM', async () => {
  await using service = new RunningService({ env: NO_DRAIN });
  const url = await service.url();

  await askOften(`${url}/`, 1000);
  service.signal('SIGTERM');

  const lines = (await service.accessLog()).trimEnd().split('\n');
  expect(await service.exited).toBe(0);
  expect(lines).toHaveLength(1000);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ method: 'GET', path: '/', status: 200 });
});

test.concurrent('every request is in the access log after a crash, and the error is said', async () => {
  await using service = new RunningService({ entry: 'fixtures/with-extra-endpoints.ts' });
  const url = await service.url();

  await askOften(`${url}/`, 100);
  await fetch(`${url}/crash`);

  const lines = (await service.accessLog()).trimEnd().split('\n');
  expect(await service.exited).toBe(1);
  expect(lines).toHaveLength(101);
  expect(await service.said('uncaught error')).toContain('Error: thrown where nothing catches');
});

test.concurrent('a log that nobody reads stops no request, and is whole when it is read after all', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'service-'));
  const pipe = join(folder, 'stdout');
  Bun.spawnSync(['mkfifo', pipe]);
  const keptOpen = openSync(pipe, 'r+');
  await using service = new RunningService({ env: NO_DRAIN, stdout: keptOpen });
  const url = await service.url();

  await askOften(`${url}/${'a'.repeat(1000)}`, 300);
  service.signal('SIGTERM');
  const reader = Bun.spawn(['cat', pipe], { stdout: 'pipe' });
  expect(await service.exited).toBe(0);
  closeSync(keptOpen);
  const log = await reader.stdout.text();
  rmSync(folder, { recursive: true });

  expect(log.trimEnd().split('\n')).toHaveLength(300);
});

test.concurrent('a wrong configuration is named whole, and nothing is started', async () => {
  await using service = new RunningService({ env: { PORT: 'http', ACCESS_LOG: 'maybe' } });

  expect(await service.exited).toBe(2);
  expect(await service.allSaid()).toBe(
    `error: PORT is "http"; allowed is a whole number from 0 to 65535
error: ACCESS_LOG is "maybe"; allowed is on or off
`,
  );
});

test.concurrent('a port that is taken is named', async () => {
  await using first = new RunningService();
  const { port } = new URL(await first.url());

  await using second = new RunningService({ env: { PORT: port } });

  expect(await second.exited).toBe(1);
  expect(await second.allSaid()).toContain(`"message":"cannot listen on 127.0.0.1:${port}"`);
});
