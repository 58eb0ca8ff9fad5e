import { UserError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import type { Outcome } from '../core/roll-out.ts';
import { errorCode } from './durable.ts';
import { readLiveLock } from './lock.ts';
import type { Paths } from './paths.ts';
import type { Hello, Message } from './protocol.ts';

export interface ControlClientOptions {
  readonly paths: Pick<Paths, 'socket' | 'lock' | 'supervisorLog'>;
  readonly trace: (line: string) => void;
}

/** How a socket answers on which nobody listens, or does not any more: one that was killed has its connections reset. */
const absences = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ECONNRESET']);
/** One that is there sends something every two seconds. */
const silenceMs = 15_000;
const lookMs = 1_000;
/** How long a supervisor may take to say how it is. */
const patienceMs = 5_000;

/** Speaks with the supervisor over its socket. */
export class ControlClient {
  readonly #options: ControlClientOptions;

  constructor(options: ControlClientOptions) {
    this.#options = options;
  }

  /** What the supervisor says of itself; nothing where none listens. One that listens and stays silent hangs. */
  async hello(signal?: AbortSignal): Promise<Hello | undefined> {
    const patience = AbortSignal.timeout(patienceMs);
    try {
      const either = signal ? AbortSignal.any([signal, patience]) : patience;
      const response = await this.#fetch('GET', '/status', undefined, either);
      const hello = (await response.json()) as Hello;
      if (response.ok && typeof hello.protocol === 'number') return hello;
      throw toError(hello as unknown as Message);
    } catch (error) {
      if (signal?.aborted || error instanceof UserError) throw error;
      if (patience.aborted) throw silentError(this.#options.paths);
      if (absences.has(errorCode(error) ?? '')) return undefined;
      throw this.#lost(error);
    }
  }

  /** The same again and again, whenever it changes. */
  watch(signal: AbortSignal): AsyncIterable<Hello> {
    return this.#lines<Hello>('GET', '/watch', undefined, signal);
  }

  /** Has the supervisor roll out; it goes on by itself when the signal aborts. */
  async follow(
    path: '/deploy' | '/rollback',
    body: unknown,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<Outcome> {
    for await (const message of this.#lines<Message>('POST', path, body, signal)) {
      if (message.kind === 'event') emit(message.event);
      else if (message.kind === 'outcome') return message.outcome;
      else throw toError(message);
    }
    throw this.#lost();
  }

  async call<T>(path: string, body: unknown, signal: AbortSignal): Promise<T> {
    const response = await this.#fetch('POST', path, body, signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw this.#lost(error);
    });
    const answer: unknown = await response.json().catch((error: unknown) => {
      throw this.#lost(error);
    });
    if (!response.ok) throw toError(answer as Message);
    return answer as T;
  }

  async *#lines<T>(method: string, path: string, body: unknown, signal: AbortSignal): AsyncGenerator<T> {
    const decoder = new TextDecoder();
    let rest = '';
    try {
      const response = await this.#fetch(method, path, body, signal);
      for await (const chunk of withoutSilence(response.body, silenceMs)) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines.filter(Boolean)) yield JSON.parse(line) as T;
      }
    } catch (error) {
      if (signal.aborted || error instanceof UserError) throw error;
      throw this.#lost(error);
    }
  }

  async #fetch(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const { paths, trace } = this.#options;
    // Where it lies depends on the shell that made it; the lock tells a shell of another kind.
    const socket = readLiveLock(paths)?.socket ?? paths.socket;
    trace(`${method} ${path} on ${socket}`);
    const init: BunFetchRequestInit = { method, unix: socket, signal, timeout: false };
    return fetch(
      `http://supervisor${path}`,
      body === undefined ? init : { ...init, body: JSON.stringify(body) },
    );
  }

  #lost(cause?: unknown): UserError {
    return new UserError({
      code: 'supervisor_failed',
      message: 'the supervisor ended while this command spoke with it',
      hint: `causeway status shows what it does now; its log is ${this.#options.paths.supervisorLog}`,
      cause,
    });
  }
}

/** A supervisor runs, and does not answer. */
export function silentError({ lock, supervisorLog }: ControlClientOptions['paths']): UserError {
  const pid = readLiveLock({ lock })?.pid;
  return new UserError({
    code: 'supervisor_failed',
    message:
      pid === undefined ? 'the supervisor does not answer' : `the supervisor (pid ${pid}) does not answer`,
    hint:
      pid === undefined
        ? `its log is ${supervisorLog}`
        : `kill -9 ${pid}: it is started again at once; its log is ${supervisorLog}`,
  });
}

/** The parts of a stream; one that is silent for too long comes from a supervisor that hangs. */
async function* withoutSilence(
  body: ReadableStream<Uint8Array> | null,
  ms: number,
): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const read = reader.read();
      let part: Awaited<typeof read> | undefined;
      // Only time in which this process ran counts: it may have been stopped, or the machine asleep.
      for (let quietMs = 0; !part && quietMs < ms; quietMs += lookMs) {
        part = await Promise.race([read, Bun.sleep(lookMs).then(() => undefined)]);
      }
      if (!part) {
        throw new UserError({
          code: 'rollout_unknown',
          message: `the supervisor has said nothing for ${ms / 1000} s`,
          hint: 'nothing was undone; causeway status shows when it answers, the same command goes on',
        });
      }
      if (part.done) return;
      yield part.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function toError(message: Message): Error {
  if (message.kind === 'error') return new UserError(message.error);
  return new Error(
    message.kind === 'bug' ? `in the supervisor: ${message.stack}` : 'the supervisor answered out of turn',
  );
}
