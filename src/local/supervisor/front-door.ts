import { errorCode } from '../durable.ts';
import type { Replica } from './replica.ts';
import { Tally } from './tally.ts';

/** What the front door needs of a replica. */
export type Upstream = Pick<
  Replica,
  'front' | 'wasCut' | 'patienceMs' | 'declares' | 'forward' | 'forwardAnew' | 'begin' | 'finish' | 'noteCut'
>;

export interface FrontDoorOptions {
  /** Those that may receive traffic now. */
  readonly routable: () => readonly Upstream[];
  /** Resolves when that may have changed. */
  readonly changed: () => Promise<unknown>;
  /** Whether a release serves here, or is about to: then a request waits rather than be refused. */
  readonly isExpected: () => boolean;
  /** Whether a replica that was well is being taken away: then a refusal is ours. */
  readonly isLeaving: () => boolean;
  /** Since when none may receive traffic, by `performance.now()`; nothing while one may. */
  readonly awaySince?: () => number | undefined;
  /** How long after all replicas have gone requests wait for one to be ready. Default: 10 s. */
  readonly holdMs?: number;
}

/** A request on its way to a replica that answers it. */
interface Passing {
  readonly request: Request;
  readonly path: string;
  readonly headers: Headers;
  /** It changes nothing, so that it may be sent again. */
  readonly isRepeatable: boolean;
  /** How often it may be sent yet. */
  left: number;
  hasFailed: boolean;
}

/** An answer of at most this size is taken whole before it is passed on, so that a cut is seen, and can be mended. */
const wholeBytes = 256 * 1024;
/** How often a request that changes nothing is sent at most, where its replicas go away under it. */
const tries = 3;

/** A client that does not read may keep its answer waiting no longer than this, once its replica has ended. */
const lastWordMs = 500;

/** What the runtime says of an answer that came and breaks the protocol, or has more fields than it reads. */
const unreadable: ReadonlySet<string> = new Set([
  'Malformed_HTTP_Response',
  'InvalidHTTPResponse',
  'InvalidContentLength',
  'UnsupportedTransferEncoding',
]);

/** RFC 9110 §7.6.1: these speak of one connection, and are not passed on. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/**
 * The address that clients know. It owns their connections, passes each request to a replica in turn, and
 * knows what is in flight at each: so that "nothing new, wait for zero, then stop" is a fact and no guess.
 */
export class FrontDoor {
  /** All that came in since the door was opened. */
  readonly total = new Tally();
  /** What never reached a replica, since the rollout began. */
  unreached = new Tally();
  readonly #options: FrontDoorOptions;
  #server: Bun.Server<undefined> | undefined;
  #turn = 0;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  get port(): number | undefined {
    return this.#server?.port;
  }

  resetTally(): void {
    this.unreached = new Tally();
  }

  /** Opens the door on this port of 127.0.0.1; throws EADDRINUSE where it is taken. */
  open(port: number): void {
    this.#server = Bun.serve({
      port,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      // No page for developers, with a stack trace, whatever happens here.
      development: false,
      // Which that would turn on; but the bind is what keeps a second supervisor out.
      reusePort: false,
      fetch: (request) => this.#answer(request),
    });
  }

  /** Refuses what is new, and returns when what is in flight is answered or `isOver` says that nobody answers it. */
  async close(isOver: Promise<unknown> = new Promise(() => undefined)): Promise<void> {
    await Promise.race([this.#server?.stop(), isOver.then(() => Bun.sleep(lastWordMs))]);
    await this.#server?.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const path = pathOf(request.url);
    if (path === undefined) return problem(400, 'Bad Request', 'the request names no path');
    const isRepeatable = request.body === null && (request.method === 'GET' || request.method === 'HEAD');
    if (hasTwoLengths(request.headers)) return problem(400, 'Bad Request', 'the request has two lengths');
    const headers = forReplica(request.headers);
    const passing: Passing = {
      request,
      path,
      headers,
      isRepeatable,
      left: isRepeatable ? tries : 1,
      hasFailed: false,
    };
    const cameAt = performance.now();
    this.#turn += 1;
    let turn = this.#turn;
    let avoided: readonly Upstream[] = [];
    while (passing.left > 0) {
      const replica = this.#replicaAt(turn, avoided);
      if (replica) {
        const answer = await this.#pass(passing, replica);
        if (answer instanceof Response) return answer;
        if (answer === 'cut') passing.left -= 1;
        passing.hasFailed = true;
        turn += 1;
        avoided = [...avoided, replica];
        // That they ended is told a moment after their connections were cut: until then they still seem to be there.
      } else if (await this.#hold(request.signal, cameAt)) avoided = [];
      else break;
    }
    return this.#refuse(request);
  }

  /** Passes the request to this replica; how that failed, where it shall be sent to another. */
  async #pass(passing: Passing, replica: Upstream): Promise<Response | 'cut' | 'refused'> {
    const { request, path, headers, isRepeatable, left, hasFailed } = passing;
    const startedAt = performance.now();
    const { method, body, signal } = request;
    replica.begin();
    let isStreaming = false;
    try {
      const init = { method, headers, body, signal, redirect: 'manual', decompress: false } as const;
      const response = await (hasFailed ? replica.forwardAnew(path, init) : replica.forward(path, init));
      if (response.status < 200 || response.status > 599) {
        void response.body?.cancel();
        return this.#answerUnreadable(replica);
      }
      const whole = await takeWhole(response, method);
      const answer =
        whole ??
        (await streamOn(response, signal, (isCut) => {
          if (isCut) replica.noteCut();
          if (isCut) this.#countCut(replica);
          replica.finish();
        }));
      isStreaming = whole === undefined;
      const ms = performance.now() - startedAt;
      const isOk = response.status < 500;
      for (const tally of [replica.front, this.total]) tally.answered(isOk, ms);
      if (!isOk) noteFault(replica, path, response.status);
      return answer;
    } catch (error) {
      const code = errorCode(error);
      // On a kept connection it may have been sent: where that was closed, the runtime asks again on another.
      const isRefused = hasFailed && code === 'ECONNREFUSED';
      if (signal.aborted) {
        this.#countLeft(replica, performance.now() - startedAt);
        return new Response(null, { status: 499 });
      }
      if (code !== undefined && unreadable.has(code)) return this.#answerUnreadable(replica);
      replica.noteCut();
      if (isRepeatable && left > (isRefused ? 0 : 1)) {
        replica.front.retried += 1;
        this.total.retried += 1;
        return isRefused ? 'refused' : 'cut';
      }
      this.#countCut(replica);
      return problem(502, 'Bad Gateway', 'the replica ended before it answered');
    } finally {
      if (!isStreaming) replica.finish();
    }
  }

  /** The one whose turn it is, or the next after it that is not avoided. */
  #replicaAt(turn: number, avoided: readonly Upstream[]): Upstream | undefined {
    const routable = this.#options.routable();
    const replica = routable[turn % routable.length];
    if (avoided.length === 0) return replica;
    const inTurn = routable.map((_, index) => routable[(turn + index) % routable.length]);
    return inTurn.find((other) => other && !avoided.includes(other));
  }

  /** Waits until a replica may be routable; false when there is none to wait for, or none has been for too long. */
  async #hold(signal: AbortSignal, cameAt: number): Promise<boolean> {
    const { isExpected, awaySince, holdMs = 10_000 } = this.#options;
    const until = Math.min(cameAt, awaySince?.() ?? cameAt) + holdMs;
    if (!isExpected() || signal.aborted || performance.now() >= until) return false;
    await Promise.race([this.#options.changed(), Bun.sleep(100)]);
    return true;
  }

  /** A client that waited long and left without an answer is one whom the replica has failed. */
  #countLeft(replica: Upstream, ms: number): void {
    if (ms < replica.patienceMs) return;
    for (const tally of [replica.front, this.total]) {
      tally.answered(false, ms);
      tally.late += 1;
    }
  }

  /** A replica went away under a request: our act if we cut it, else the release's fault. */
  #countCut(replica: Upstream): void {
    const kind = replica.wasCut ? 'lost' : 'errors';
    for (const tally of [replica.front, this.total]) tally[kind] += 1;
  }

  /** The replica is well, and would say the same again. */
  #answerUnreadable(replica: Upstream): Response {
    this.#countCut(replica);
    return problem(502, 'Bad Gateway', 'the answer of the replica could not be read', {});
  }

  #refuse(request: Request): Response {
    if (request.signal.aborted) return new Response(null, { status: 499 });
    if (!this.#options.isExpected()) return problem(503, 'Service Unavailable', 'no release serves here yet');
    const kind = this.#options.isLeaving() ? 'lost' : 'errors';
    for (const tally of [this.unreached, this.total]) tally[kind] += 1;
    return problem(503, 'Service Unavailable', 'no replica is ready');
  }
}

/** The path and query of a request; without a usable Host the runtime gives nothing else. */
function pathOf(url: string): string | undefined {
  if (url.startsWith('/')) return url;
  return url.startsWith(scheme) ? url.slice(url.indexOf('/', scheme.length)) : undefined;
}

const scheme = 'http://';

/** RFC 9110 §8.6: the runtime joins them into one field and takes the request. */
function hasTwoLengths(headers: Headers): boolean {
  const length = headers.get('content-length');
  return length !== null && !/^\d+$/.test(length);
}

function forReplica(headers: Headers): Headers {
  keepEndToEnd(headers);
  // Left out, the runtime would ask for compression that the client may not read.
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity');
  return headers;
}

/** Takes out what speaks of one connection, and what `Connection` names as such. */
function keepEndToEnd(headers: Headers): void {
  const named = headers.get('connection')?.match(fieldNames) ?? [];
  for (const name of [...named, ...hopByHop]) headers.delete(name);
}

/** RFC 9110 §5.6.2. */
const fieldNames = /[!#$%&'*+.^_`|~\w-]+/g;

/** The answer with its whole body, if it is short; nothing if it has to be streamed. */
async function takeWhole(response: Response, method: string): Promise<Response | undefined> {
  const length = response.headers.get('content-length');
  const coding = response.headers.get('transfer-encoding');
  keepEndToEnd(response.headers);
  // RFC 9110 §8.6: without either of the two, the runtime would say that the answer to a GET has no content.
  const isOpen = coding !== null || length === null;
  if (method === 'HEAD' && isOpen) response.headers.set('transfer-encoding', coding ?? 'chunked');
  const { status, statusText, headers } = response;
  const isShort = length !== null && Number(length) <= wholeBytes;
  // To look for a body makes a stream of it, which is dear; a length says the same.
  const hasBody = (isShort && Number(length) > 0) || response.body !== null;
  if (method === 'HEAD' || !hasBody) return response;
  if (!isShort) return undefined;
  const bytes = await response.bytes();
  return new Response(headers.has('content-type') ? bytes : streamOf(bytes), { status, statusText, headers });
}

/** Bytes in a form to which the runtime gives no `content-type` of its own. */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

/**
 * Passes a body on part by part, and tells once how it ended: cut, or whole, or left by the client. The first
 * part is awaited, for the runtime sends no head before it: until then another replica can be asked.
 */
async function streamOn(
  { body, status, statusText, headers }: Response,
  signal: AbortSignal,
  onEnd: (isCut: boolean) => void,
): Promise<Response> {
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  let next: ReturnType<typeof reader.read> | undefined = Promise.resolve(await reader.read());
  let hasEnded = false;
  const end = (isCut: boolean) => {
    if (!hasEnded) onEnd(isCut && !signal.aborted);
    hasEnded = true;
  };
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await (next ?? reader.read());
        next = undefined;
        if (value) controller.enqueue(value);
        if (done) {
          controller.close();
          end(false);
        }
      } catch (error) {
        end(true);
        controller.error(error);
      }
    },
    // The runtime calls this when the client is gone, whether or not it was reading.
    async cancel(reason) {
      end(false);
      await reader.cancel(reason);
    },
  });
  return new Response(stream, { status, statusText, headers });
}

function problem(
  status: number,
  title: string,
  detail: string,
  headers: Record<string, string> = { 'retry-after': '1' },
): Response {
  const body = JSON.stringify({ type: 'about:blank', title, status, detail });
  return new Response(body, { status, headers: { 'content-type': 'application/problem+json', ...headers } });
}

/** Other paths than the declared ones are its users' own, and belong into no record. */
function noteFault(replica: Upstream, path: string, status: number): void {
  const [name = ''] = path.split('?');
  replica.front.faulty(replica.declares(name) ? name : undefined, status);
}
