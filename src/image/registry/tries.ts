import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../core/errors.ts';
import type { EmitImage } from '../image-event.ts';
import { Fault } from './fault.ts';

export interface TriesOptions {
  readonly host: string;
  /** What is tried, for people: `reading …`. */
  readonly what: string;
  readonly emit: EmitImage;
  readonly pause?: Pause | undefined;
  readonly signal: AbortSignal;
}

export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

const mostTries = 5;
const firstPauseMs = 200;
const longestPauseMs = 5_000;
/** A registry that asks for more is not waited for. */
const mostPatienceMs = 60_000;

/** Counts the failures of one thing, and waits between them: twice as long each time, and not as others do. */
export class Tries {
  readonly #options: TriesOptions;
  #failed = 0;

  constructor(options: TriesOptions) {
    this.#options = options;
  }

  /** After the wait it may be tried again; throws what is not a `Fault`, and `registry_unreachable` after the last try. */
  async again(error: unknown): Promise<void> {
    if (!(error instanceof Fault)) throw error;
    const { what, emit, pause = wait, signal } = this.#options;
    this.#failed += 1;
    const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failed - 1));
    const pauseMs = Math.max(error.retryAfterMs ?? 0, Math.round(longest * (0.5 + Math.random() / 2)));
    if (pauseMs > mostPatienceMs) throw this.#askedToWait(error, pauseMs);
    if (this.#failed >= mostTries) throw this.#gaveUp(error);
    emit({ kind: 'retrying', what, because: `${this.#options.host} ${error.message}`, pauseMs });
    await pause(pauseMs, signal);
  }

  /** It got on, so the failures until now do not count. */
  reset(): void {
    this.#failed = 0;
  }

  #askedToWait(fault: Fault, pauseMs: number): UserError {
    const { host, what } = this.#options;
    return new UserError({
      code: 'registry_unreachable',
      message: `${host} ${fault.message} while ${what}, and asks to wait for ${Math.ceil(pauseMs / 1000)} s`,
      hint: 'run the same command again after that time; what is written already is not written again',
      cause: fault,
    });
  }

  #gaveUp(fault: Fault): UserError {
    const { host, what } = this.#options;
    return new UserError({
      code: 'registry_unreachable',
      message: `${host} ${fault.message} while ${what}, after ${mostTries} tries`,
      hint: `see that ${host} is up and can be reached, then run the same command again`,
      cause: fault,
    });
  }
}

/** Tries until it succeeds, or until it fails with something else than a `Fault`. */
export async function tryUntil<T>(tries: Tries, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await tries.again(error);
    }
  }
}

/** What a `Retry-After` asks for: seconds, or a date. */
export function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (!text) return undefined;
  const ms = /^[0-9]+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}
