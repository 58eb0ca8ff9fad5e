import { orAbort } from '../core/or-abort.ts';

interface Work<T> {
  readonly result: Promise<T>;
  readonly ending: AbortController;
  wanted: number;
}

/** Work by a name that is done once for all who want its result at a time. */
export class InFlight<T> {
  readonly #works = new Map<string, Work<T>>();

  /** Joins the work of this name that is under way, or begins it. It ends when the last who wants it lets go. */
  async join(name: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const work = this.#works.get(name) ?? this.#begin(name, begin);
    work.wanted += 1;
    try {
      return await orAbort(work.result, signal);
    } finally {
      work.wanted -= 1;
      if (work.wanted === 0) await this.#end(name, work);
    }
  }

  #begin(name: string, begin: (signal: AbortSignal) => Promise<T>): Work<T> {
    const ending = new AbortController();
    const work = { result: begin(ending.signal), ending, wanted: 0 };
    this.#works.set(name, work);
    return work;
  }

  /** What it leaves behind is gone when the last has let go. */
  async #end(name: string, { result, ending }: Work<T>): Promise<void> {
    this.#works.delete(name);
    ending.abort();
    await result.catch(() => undefined);
  }
}
