import { pick } from '../../src/core/seeded-random.ts';

/** Bytes that a client sends on one connection, as no well-behaved client would. */
export interface Wild {
  /** What is odd about it. */
  readonly title: string;
  /** In the parts in which they are sent. */
  readonly parts: readonly Buffer[];
  /** What the client does after the last part. */
  readonly ending: 'waits' | 'half-closes' | 'resets';
  /** Whether a server has all that it needs for an answer, or to refuse one. */
  readonly isComplete: boolean;
}

/** One request that HTTP does not allow, or hardly. */
export function wildRequest(random: () => number, number: number): Wild {
  const method = pick(random, methods);
  const target = pick(random, targets)(number);
  const version = pick(random, versions);
  const endOfLine = random() < 0.9 ? '\r\n' : pick(random, ['\n', '\r', '\r\r\n']);
  const framing = pick(random, framings)(number);
  const headers = [...pick(random, hosts), ...pick(random, oddHeaders)(random), ...framing.headers];
  if (random() < 0.3) headers.reverse();
  const head = [`${method} ${target}${version}`, ...headers, '', ''].join(endOfLine);
  const bytes = Buffer.from(head + framing.body, 'latin1');
  if (random() < 0.2) garble(random, bytes);
  const isCut = random() < 0.15;
  const sent = isCut ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
  const isHead = method === 'GET' && framing.headers.length === 0 && endOfLine === '\r\n';
  return {
    title: JSON.stringify(sent.toString('latin1').slice(0, 300)),
    parts: split(random, sent),
    ending: pick(random, ['waits', 'half-closes', 'resets'] as const),
    isComplete: isHead && !isCut,
  };
}

const methods = [
  'GET',
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'get',
  'G E T',
  '',
  'GET\0',
  'X'.repeat(9_000),
  'PRI',
  'TRACE',
];

const targets: readonly ((number: number) => string)[] = [
  (number) => `/wild/${number}`,
  (number) => `/wild/${number}`,
  (number) => `/wild/${number}?${'q'.repeat(20_000)}`,
  (number) => `/${'long/'.repeat(40_000)}${number}`,
  (number) => `http://other.test/wild/${number}`,
  (number) => `/wild/../../${number}`,
  (number) => `/wild/%00/${number}`,
  (number) => `/wild/\0/${number}`,
  (number) => `/wild/${number} /smuggled`,
  (number) => `/wild/\r\n${number}`,
  () => '*',
  () => '',
  () => 'wild',
  (number) => `//wild/${number}`,
  (number) => `/wild/\xff\xfe${number}#fragment`,
];

const versions = [
  ' HTTP/1.1',
  ' HTTP/1.1',
  ' HTTP/1.1',
  ' HTTP/1.0',
  ' HTTP/2.0',
  ' HTTP/1.1 ',
  ' HTTX/1.1',
  '',
  ' http/1.1',
];

const hosts: readonly (readonly string[])[] = [
  ['Host: a'],
  ['Host: a'],
  ['Host: a'],
  [],
  ['Host: a', 'Host: b'],
  ['Host:'],
  ['Host: a/b\\c d'],
  ['Host: \xff'],
];

const oddHeaders: readonly ((random: () => number) => readonly string[])[] = [
  () => [],
  () => [],
  () => ['X-Odd : 1'],
  () => [' X-Odd: 1'],
  () => ['X-Odd: 1', '  folded'],
  () => ['no colon at all'],
  () => [': no name'],
  () => ['X-Odd: a\0b'],
  () => ['X-Odd: a\rX-Smuggled: b'],
  () => [`X-Odd: ${'v'.repeat(200_000)}`],
  () => [`${'n'.repeat(70_000)}: v`],
  (random) => Array.from({ length: Math.floor(random() * 3_000) }, (_, index) => `X-${index}: ${random()}`),
  () => ['Connection: close, keep-alive, content-length, host'],
  () => ['Connection: Upgrade', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'],
  () => ['Expect: 100-continue'],
  () => ['Expect: everything'],
];

interface Framing {
  readonly headers: readonly string[];
  readonly body: string;
}

/** A request within a body: were it ever to reach a replica as one, it was smuggled. */
const inner = (number: number) => `GET /smuggled/${number} HTTP/1.1\r\nHost: a\r\n\r\n`;

const framings: readonly ((number: number) => Framing)[] = [
  () => ({ headers: [], body: '' }),
  () => ({ headers: [], body: '' }),
  (number) => sized(inner(number), (length) => [`Content-Length: ${length}`]),
  (number) => sized(inner(number), (length) => [`Content-Length: ${length + 9}`]),
  (number) => sized(inner(number), (length) => ['Content-Length: 0', `Content-Length: ${length}`]),
  (number) => sized(inner(number), (length) => [`Content-Length: ${length}`, 'Content-Length: 0']),
  (number) => sized(inner(number), (length) => [`Content-Length: 0, ${length}`]),
  (number) => sized(inner(number), (length) => [`Content-Length: +${length}`]),
  (number) => sized(inner(number), (length) => [`Content-Length: 0x${length.toString(16)}`]),
  (number) => sized(inner(number), (length) => [`Content-Length: ${length} `, 'Content-Length : 0']),
  (number) => ({ headers: ['Content-Length: -1'], body: inner(number) }),
  (number) => ({ headers: ['Content-Length: 99999999999999999999999'], body: inner(number) }),
  (number) =>
    sized(`0\r\n\r\n${inner(number)}`, (length) => [
      `Content-Length: ${length}`,
      'Transfer-Encoding: chunked',
    ]),
  (number) => sized(chunked(inner(number)), () => ['Transfer-Encoding: chunked', 'Content-Length: 4']),
  (number) => sized(chunked(inner(number)), () => ['Transfer-Encoding: chunked']),
  (number) =>
    sized(chunked(inner(number)), () => ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']),
  (number) =>
    sized(chunked(inner(number)), (length) => ['Transfer-Encoding: xchunked', `Content-Length: ${length}`]),
  (number) => sized(chunked(inner(number)), () => ['Transfer-Encoding: chunked, identity']),
  (number) => sized(chunked(inner(number)), () => ['Transfer-Encoding:\x0bchunked']),
  (number) =>
    sized(`0\r\n\r\n${inner(number)}`, (length) => [
      'Transfer-Encoding : chunked',
      `Content-Length: ${length}`,
    ]),
  (number) => ({ headers: ['Transfer-Encoding: chunked'], body: `zz\r\n${inner(number)}` }),
  (number) => ({ headers: ['Transfer-Encoding: chunked'], body: `-5\r\n${inner(number)}` }),
  (number) => ({ headers: ['Transfer-Encoding: chunked'], body: `fffffffffffffffff\r\n${inner(number)}` }),
  (number) => ({
    headers: ['Transfer-Encoding: chunked'],
    body: `1;${'e'.repeat(60_000)}\r\nx\r\n0\r\n\r\n${inner(number)}`,
  }),
  () => ({
    headers: ['Transfer-Encoding: chunked'],
    body: `1\r\nx\r\n0\r\nContent-Length: 99\r\nHost: b\r\n\r\n`,
  }),
  (number) => ({ headers: ['Transfer-Encoding: chunked'], body: `4\nnope\n0\n\n${inner(number)}` }),
];

function sized(body: string, headers: (length: number) => readonly string[]): Framing {
  return { headers: headers(body.length), body };
}

function chunked(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}

function garble(random: () => number, bytes: Buffer): void {
  for (let count = 1 + Math.floor(random() * 3); count > 0; count -= 1)
    bytes[Math.floor(random() * Math.min(bytes.length, 200))] = Math.floor(random() * 256);
}

/** Whole, in a few parts, or its beginning byte by byte. */
function split(random: () => number, bytes: Buffer): readonly Buffer[] {
  const dice = random();
  if (dice < 0.5) return [bytes];
  const cuts =
    dice < 0.8
      ? Array.from({ length: 3 }, () => Math.floor(random() * bytes.length)).sort((a, b) => a - b)
      : Array.from({ length: Math.min(60, bytes.length) }, (_, index) => index);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, [...cuts, bytes.length][index]));
}
