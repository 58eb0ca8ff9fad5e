import type { Replica } from './replica.ts';
import { Tally } from './tally.ts';

export interface FrontDoorOptions {
  /** Those that may receive traffic now. */
  readonly routable: () => readonly Replica[];
  /** Resolves when that may have changed. */
  readonly changed: () => Promise<unknown>;
  /** Whether a release serves here, or is about to: then a request waits rather than be refused. */
  readonly isExpected: () => boolean;
  /** Whether a replica that was well is being taken away: then a refusal is ours. */
  readonly isLeaving: () => boolean;
}

/** How long a request waits for a replica to be ready, when all are gone for a moment. */
const holdMs = 10_000;
/** An answer of at most this size is taken whole before it is passed on, so that a cut is seen, and can be mended. */
const wholeBytes = 256 * 1024;
/** How often a request that changes nothing is sent again when its replica went away under it. */
const tries = 3;

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
  /** What never reached a replica. */
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
      fetch: (request) => this.#answer(request),
    });
  }

  /** Refuses what is new, and returns when what is in flight is answered. */
  async close(): Promise<void> {
    await this.#server?.stop();
  }

  async #answer(request: Request): Promise<Response> {
    const path = request.url.slice(request.url.indexOf('/', 8));
    const isRepeatable = request.body === null && (request.method === 'GET' || request.method === 'HEAD');
    const headers = endToEnd(request.headers);
    let left = isRepeatable ? tries : 1;
    let avoided: Replica | undefined;
    while (left > 0) {
      const replica = this.#next(avoided) ?? (await this.#hold(request.signal));
      if (!replica) break;
      left -= 1;
      const response = await this.#pass(request, path, headers, replica, left > 0);
      if (response) return response;
      avoided = replica;
    }
    return this.#refuse(request);
  }

  /** Passes the request to this replica; nothing where it shall be sent to another. */
  async #pass(
    request: Request,
    path: string,
    headers: Headers,
    replica: Replica,
    canRepeat: boolean,
  ): Promise<Response | undefined> {
    const startedAt = performance.now();
    const { method, body, signal } = request;
    replica.begin();
    let isStreaming = false;
    try {
      const response = await replica.forward(path, {
        method,
        headers,
        body,
        signal,
        redirect: 'manual',
        decompress: false,
      });
      const answer = await takeWhole(response, method);
      replica.front.answered(response.status < 500, performance.now() - startedAt);
      if (answer) return answer;
      isStreaming = true;
      return streamOn(response, (isCut) => {
        if (isCut && !signal.aborted) countCut(replica);
        replica.finish();
      });
    } catch {
      if (signal.aborted) return new Response(null, { status: 499 });
      if (canRepeat) {
        replica.front.retried += 1;
        return undefined;
      }
      countCut(replica);
      return problem(502, 'Bad Gateway', 'the replica ended before it answered');
    } finally {
      if (!isStreaming) replica.finish();
    }
  }

  #next(avoided: Replica | undefined): Replica | undefined {
    const routable = this.#options.routable();
    this.#turn = (this.#turn + 1) % Math.max(1, routable.length);
    const replica = routable[this.#turn];
    return replica === avoided && routable.length > 1
      ? routable[(this.#turn + 1) % routable.length]
      : replica;
  }

  async #hold(signal: AbortSignal): Promise<Replica | undefined> {
    const until = Date.now() + holdMs;
    while (this.#options.isExpected() && !signal.aborted && Date.now() < until) {
      await Promise.race([this.#options.changed(), Bun.sleep(100)]);
      const replica = this.#next(undefined);
      if (replica) return replica;
    }
    return undefined;
  }

  #refuse(request: Request): Response {
    if (request.signal.aborted) return new Response(null, { status: 499 });
    if (!this.#options.isExpected()) return problem(503, 'Service Unavailable', 'no release serves here yet');
    if (this.#options.isLeaving()) this.unreached.lost += 1;
    else this.unreached.errors += 1;
    return problem(503, 'Service Unavailable', 'no replica is ready');
  }
}

/** A replica went away under a request: our act if we cut it, else the release's fault. */
function countCut(replica: Replica): void {
  if (replica.wasCut) replica.front.lost += 1;
  else replica.front.errors += 1;
}

function endToEnd(headers: Headers): Headers {
  const named = headers.get('connection');
  if (named) for (const name of named.split(',')) headers.delete(name.trim());
  for (const name of hopByHop) headers.delete(name);
  // Left out, the runtime would ask for compression that the client may not read.
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity');
  return headers;
}

/** The answer with its whole body, if it is short; nothing if it has to be streamed. */
async function takeWhole(response: Response, method: string): Promise<Response | undefined> {
  const length = response.headers.get('content-length');
  response.headers.delete('connection');
  response.headers.delete('keep-alive');
  if (method === 'HEAD' || response.body === null) return response;
  if (length === null || Number(length) > wholeBytes) return undefined;
  const { status, statusText, headers } = response;
  return new Response(await response.arrayBuffer(), { status, statusText, headers });
}

/** Passes a body on chunk by chunk, and tells once how it ended. */
function streamOn(
  { body, status, statusText, headers }: Response,
  onEnd: (isCut: boolean) => void,
): Response {
  const reader = body?.getReader();
  let hasEnded = false;
  const end = (isCut: boolean) => {
    if (!hasEnded) onEnd(isCut);
    hasEnded = true;
  };
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const chunk = await reader?.read();
        if (chunk?.value) controller.enqueue(chunk.value);
        if (!chunk || chunk.done) {
          controller.close();
          end(false);
        }
      } catch (error) {
        end(true);
        controller.error(error);
      }
    },
    async cancel(reason) {
      end(false);
      await reader?.cancel(reason);
    },
  });
  return new Response(stream, { status, statusText, headers });
}

function problem(status: number, title: string, detail: string): Response {
  const body = JSON.stringify({ type: 'about:blank', title, status, detail });
  const headers = { 'content-type': 'application/problem+json', 'retry-after': '1' };
  return new Response(body, { status, headers });
}
