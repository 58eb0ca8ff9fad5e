import { UserError } from '../../core/errors.ts';
import { Fault } from './fault.ts';

export type Fetch = (url: string, init: BunFetchRequestInit) => Promise<Response>;

export interface ExchangeOptions {
  readonly url: URL;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | ReadableStream<Uint8Array> | undefined;
  readonly fetch: Fetch;
  /** How long the answer, or a body that is under way, may stand still. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** The body, to be read once. A connection that is cut, or stands still, throws a `Fault`. */
  chunks(): AsyncGenerator<Uint8Array, void>;
  /** Lets go of a body that nobody reads. */
  drop(): Promise<void>;
}

/** What is still on its way in the system's buffers when the last byte was handed over must arrive first. */
const afterUpload = 4;

/** One request and its answer, whatever that says; redirects are not followed. */
export async function exchange({
  url,
  method,
  headers,
  body,
  fetch,
  patienceMs,
  signal,
}: ExchangeOptions): Promise<Answer> {
  const watch = new Watch(signal);
  const answerMs = body instanceof ReadableStream ? patienceMs * afterUpload : patienceMs;
  watch.waitForAnswer(patienceMs);
  try {
    const response = await fetch(url.href, {
      method,
      // Bytes are hashed as they were stored.
      headers: { 'user-agent': 'causeway', 'accept-encoding': 'identity', ...headers },
      body: body instanceof ReadableStream ? watched(body, watch, patienceMs, answerMs) : body,
      redirect: 'manual',
      decompress: false,
      signal: watch.signal,
      // The watch says when; Bun's own limit counts from the beginning.
      timeout: false,
    } as BunFetchRequestInit);
    return {
      url,
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
      chunks: () => chunksOf(response, { url, watch, patienceMs }),
      drop: async () => void (await response.body?.cancel().catch(() => undefined)),
    };
  } catch (error) {
    throw watch.why(error, url);
  } finally {
    watch.answered();
  }
}

/** Cuts what stands still for too long. */
class Watch {
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal;
  readonly #late = new AbortController();
  #isAnswered = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(caller: AbortSignal) {
    this.#caller = caller;
    this.signal = AbortSignal.any([caller, this.#late.signal]);
  }

  wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#late.abort(new Fault(`said nothing for ${ms / 1000} s`));
    }, ms);
  }

  rest(): void {
    clearTimeout(this.#timer);
  }

  /** From the answer on, a body that is still being sent is no longer waited for. */
  answered(): void {
    this.#isAnswered = true;
    this.rest();
  }

  waitForAnswer(ms: number): void {
    if (!this.#isAnswered) this.wait(ms);
  }

  /** What a failed request or read is to be told as. */
  why(error: unknown, url: URL): unknown {
    if (this.#caller.aborted) return this.#caller.reason;
    if (this.#late.signal.aborted) return this.#late.signal.reason;
    return connectionError(error, url);
  }
}

function watched(
  body: ReadableStream<Uint8Array>,
  watch: Watch,
  patienceMs: number,
  answerMs: number,
): ReadableStream<Uint8Array> {
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        watch.waitForAnswer(patienceMs);
        controller.enqueue(chunk);
      },
      flush: () => watch.waitForAnswer(answerMs),
    }),
  );
}

async function* chunksOf(
  { body }: Response,
  { url, watch, patienceMs }: { readonly url: URL; readonly watch: Watch; readonly patienceMs: number },
): AsyncGenerator<Uint8Array, void> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      watch.wait(patienceMs);
      const { done, value } = await reader.read().finally(() => watch.rest());
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw watch.why(error, url);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const troubles: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'closed the connection',
  ENOTFOUND: 'is not known to the name service',
  EPROTO: 'does not speak TLS',
};

/** `fetch` throws a TypeError where the network failed; anything else, such as a file that cannot be read, is not its fault. */
function connectionError(error: unknown, { host }: URL): unknown {
  if (!(error instanceof TypeError) || !('code' in error)) return error;
  const code = String(error.code);
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return new UserError({
      code: 'registry_unreachable',
      message: `${host} has a certificate that is not trusted here: ${error.message}`,
      hint: 'name the file of the authority that signed it: export NODE_EXTRA_CA_CERTS=/path/to/authority.pem',
      cause: error,
    });
  }
  return new Fault(troubles[code] ?? `cannot be reached (${code})`, { cause: error });
}
