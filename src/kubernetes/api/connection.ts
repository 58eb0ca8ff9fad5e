import { UnreachableError } from '../../core/errors.ts';
import { retryAfterMs, wait } from '../../image/registry/tries.ts';
import { type ClusterAccess, wireOf } from './access.ts';
import { explainAnswer, explainFailure, isUnsent } from './explain.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** The body's media type. Default: JSON. */
  readonly type?: string;
  readonly signal: AbortSignal;
  /** An answer without end: only its head has a deadline. */
  readonly isStream?: boolean;
  /** Tried once, whoever looks again does that himself. */
  readonly isOnce?: boolean;
  /** Whether doing it twice does no harm. Default: of all but POST. */
  readonly isSafe?: boolean;
  /** Told before it is tried again though it may have been done already. */
  readonly onLost?: () => void;
}

/** How long an answer's head may take. */
const headMs = 10_000;
/** How long the rest of one may take that has an end. */
const bodyMs = 30_000;
/** How long a request is tried again, from its first failure on. */
const patienceMs = 5_000;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** Sends requests to one API server, and again where that is safe. */
export class Connection {
  readonly #access: ClusterAccess;
  readonly #trace: (line: string) => void;

  constructor({ access, trace }: { readonly access: ClusterAccess; readonly trace: (line: string) => void }) {
    this.#access = access;
    this.#trace = trace;
  }

  /** An answer that is a success. Throws `UnreachableError`, `ApiRefusal`, or `cluster_untrusted` of a certificate. */
  async call(call: Call): Promise<Response> {
    const { signal } = call;
    let pauseMs = firstPauseMs;
    let until = Number.POSITIVE_INFINITY;
    for (;;) {
      const answer = await this.#ask(call).catch((error: unknown) => error);
      signal.throwIfAborted();
      if (answer instanceof Response && answer.ok) return answer;
      const error =
        answer instanceof Response
          ? await explainAnswer(this.#access, answer, showCall(call))
          : explainFailure(this.#access, answer);
      until = Math.min(until, performance.now() + patienceMs);
      const waitMs = Math.max(pauseAskedFor(answer) ?? 0, pauseMs * (0.5 + Math.random() / 2));
      const isOver = performance.now() + waitMs > until;
      if (call.isOnce || isOver || !(error instanceof UnreachableError) || !mayRepeat(call, answer))
        throw error;
      if (mayBeDone(answer)) call.onLost?.();
      this.#trace(`${error.message}; again in ${Math.round(waitMs)} ms`);
      await wait(waitMs, signal);
      pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    }
  }

  async #ask({ method, path, body, type = 'application/json', signal, isStream }: Call): Promise<Response> {
    const { server } = this.#access;
    const headers: Record<string, string> = { accept: 'application/json', ...(await this.#access.headers()) };
    if (body !== undefined) headers['content-type'] = type;
    const deadline = new AbortController();
    const late = () => deadline.abort(new DOMException('late', 'TimeoutError'));
    let timer = setTimeout(late, headMs);
    const startedAt = performance.now();
    try {
      const response = await fetch(`${server}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, deadline.signal]),
        ...wireOf(this.#access),
        redirect: 'manual',
        // A quiet stream would be cut after six minutes.
        timeout: false,
      } as unknown as RequestInit);
      clearTimeout(timer);
      timer = setTimeout(late, bodyMs);
      const whole = isStream ? response : await inMemory(response);
      const ms = Math.round(performance.now() - startedAt);
      this.#trace(`${method} ${path} ${response.status} in ${ms} ms`);
      return whole;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** So that an answer that is cut is tried again, too. */
async function inMemory(response: Response): Promise<Response> {
  const { status, headers } = response;
  const content = await response.arrayBuffer();
  const hasNone = status === 204 || status === 304;
  return new Response(hasNone ? null : content, { status, headers });
}

/** What may have been done must not be done twice. */
function mayRepeat({ method, isSafe = method !== 'POST' }: Call, answer: unknown): boolean {
  return isSafe || !mayBeDone(answer);
}

function mayBeDone(answer: unknown): boolean {
  if (!(answer instanceof Response)) return !isUnsent(answer);
  // Who is asked to come again was not let in.
  return answer.status !== 429 && !(answer.status === 503 && answer.headers.has('retry-after'));
}

function pauseAskedFor(answer: unknown): number | undefined {
  return answer instanceof Response ? retryAfterMs(answer.headers) : undefined;
}

/** Without its query. */
export function showCall({ method, path }: Pick<Call, 'method' | 'path'>): string {
  return `${method} ${path.split('?')[0] ?? path}`;
}
