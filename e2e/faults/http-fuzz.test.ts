import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { FrontDoor, type Upstream } from '../../src/local/supervisor/front-door.ts';
import { RawClient, type RawServer, serveRaw } from '../../src/local/supervisor/raw-http.ts';
import { Tally } from '../../src/local/supervisor/tally.ts';
import { until } from '../local/project.ts';
import { replays, seed, sized } from '../proof.ts';
import { type Wild, wildRequest } from './http-fuzz.ts';

const rounds = sized({ ci: 1_500, full: 100_000 });

setDefaultTimeout(60_000 + rounds * 100);

const opened: { readonly close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

test(`${rounds} requests that HTTP does not allow are answered, refused or cut off; no other request is made of one, and who asks beside is served (CAUSEWAY_SEED=${seed})`, async () => {
  const random = seededRandom(seed);
  const { port, upstream, replica } = await open();
  const beside = new RawClient(port);
  opened.push({ close: () => beside.socket.destroy() });

  for (let round = 0; round < rounds; round += 1) {
    const wild = wildRequest(random, round);
    const about = `${replays}; round ${round}: ${wild.title}`;

    const answer = await send(port, wild);
    beside.send(`GET /beside/${round} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const well = await beside.answer();

    expect([well?.status, well?.body], about).toEqual([200, `GET /beside/${round}`]);
    expect(answer.bytes, about).not.toMatch(/\n\s+at .+[:(]|node_modules|\.ts:\d/);
    expect(
      statusesOf(answer.bytes).filter((status) => !allowed.has(status)),
      about,
    ).toEqual([]);
    if (wild.isComplete && wild.ending === 'waits') expect(answer.hasEnded, about).toBe(true);
  }
  await until('nothing is in flight', () => replica.inFlight === 0);

  const arrived = upstream.requests.map(({ line }) => line.split(' ').slice(0, 2).join(' '));
  expect(extraIn(arrived, replica.forwarded), replays).toEqual([]);
});

describe('a request is refused, and nothing of it reaches the replica, that has', () => {
  for (const [title, headers] of [
    ['two different lengths', 'Content-Length: 0\r\nContent-Length: 40'],
    ['two lengths that are the same', 'Content-Length: 40\r\nContent-Length: 40'],
    ['a list of lengths', 'Content-Length: 0, 40'],
    ['a length and chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked'],
    ['a negative length', 'Content-Length: -1'],
    ['a length with a sign', 'Content-Length: +40'],
    ['a length in hexadecimal', 'Content-Length: 0x28'],
    ['a space before the colon of its length', 'Content-Length : 40'],
  ] as const) {
    test(title, async () => {
      const { port, upstream } = await open();
      const client = new RawClient(port);
      opened.push({ close: () => client.socket.destroy() });

      client.send(
        `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: abcdefgh\r\n\r\n`,
      );
      const answer = await client.answer();
      client.socket.end();
      await client.closed();

      expect(answer?.status ?? 400).toBe(400);
      expect(statusesOf(client.bytes).filter((status) => status < 400)).toEqual([]);
      expect(upstream.requests).toEqual([]);
    });
  }
});

/** What an answer to such a request may be: a replica's own, or a refusal. */
const allowed: ReadonlySet<number> = new Set([
  100, 200, 400, 404, 405, 408, 411, 413, 414, 417, 431, 501, 505,
]);

/** Sends it, and waits for an answer or the end of the connection as long as there may be one. */
async function send(port: number, { parts, ending, isComplete }: Wild) {
  const client = new RawClient(port);
  for (const [index, part] of parts.entries()) {
    client.send(part);
    if (index < parts.length - 1) await new Promise(setImmediate);
  }
  if (ending === 'resets') client.socket.resetAndDestroy();
  if (ending === 'half-closes') client.socket.end();
  const seen = isComplete ? client.answer() : client.until(() => false).catch(() => undefined);
  const hasEnded = await Promise.race([
    seen.then(() => true),
    Bun.sleep(isComplete ? 5_000 : 4).then(() => false),
  ]);
  client.socket.destroy();
  return { bytes: client.bytes, hasEnded };
}

function statusesOf(bytes: string): readonly number[] {
  return [...bytes.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
}

/** What is in the first list more often than in the second. */
function extraIn(found: readonly string[], known: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const one of known) left.set(one, (left.get(one) ?? 0) + 1);
  return found.filter((one) => {
    const count = left.get(one) ?? 0;
    left.set(one, count - 1);
    return count === 0;
  });
}

/** A front door before one replica, each of whose requests is read byte by byte. */
async function open() {
  const upstream = await serveRaw((socket, { line }) => {
    const [method = '', path = ''] = line.split(' ');
    const body = `${method} ${path}`.slice(0, 200);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${method === 'HEAD' ? '' : body}`);
  });
  const replica = new RecordingUpstream(upstream);
  const front = new FrontDoor({
    routable: () => [replica],
    changed: () => new Promise(() => undefined),
    isExpected: () => true,
    isLeaving: () => false,
  });
  front.open(0);
  opened.push(upstream, front);
  return { port: front.port ?? 0, upstream, replica };
}

/** As much of a replica as the front door needs; it writes down what it was asked to pass on. */
class RecordingUpstream implements Upstream {
  patienceMs = 1_000;
  declares = () => false;
  front = new Tally();
  wasCut = false;
  inFlight = 0;
  readonly forwarded: string[] = [];
  readonly #session = new Bun.FetchSession({ proxy: false });
  readonly #port: number;

  constructor({ port }: RawServer) {
    this.#port = port;
  }

  forward(pathAndQuery: string, init: BunFetchRequestInit): Promise<Response> {
    const url = new URL(`http://127.0.0.1:${this.#port}${pathAndQuery}`);
    // The runtime normalises a path, as docs/service-contract.md says.
    this.forwarded.push(`${init.method} ${url.pathname.replace(/^\/{2,}/, '/')}${url.search}`);
    return this.#session.fetch(url, init);
  }

  forwardAnew(pathAndQuery: string, init: BunFetchRequestInit): Promise<Response> {
    return this.forward(pathAndQuery, { ...init, keepalive: false });
  }

  noteCut(): void {}

  begin(): void {
    this.inFlight += 1;
  }

  finish(): void {
    this.inFlight -= 1;
  }
}
