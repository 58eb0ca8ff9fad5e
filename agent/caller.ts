import { type Address, Connection, type Ending } from './connection.ts';

/** By which a service's own log tells the probe's requests from its users'. */
export const userAgent = 'causeway-probe/1';

export interface Call {
  readonly path: string;
  /** On a connection that carried others before, where there is one. */
  readonly isKept: boolean;
  /** Whether a connection may be opened for it. Default: true. */
  readonly mayOpen?: boolean;
  readonly timeoutMs: number;
}

/** How a request ended, whatever connections it took. */
export interface Outcome {
  readonly ending:
    | Exclude<Ending, { kind: 'unanswered' }>
    | { readonly kind: 'reset'; readonly detail: string };
  readonly ms: number;
  /** A kept connection was closed before a byte of the answer, so it was sent once more. */
  readonly isRetried: boolean;
}

/** Never more than this many requests of one caller wait at a time. */
const mostInFlight = 64;

/** Asks one address, on kept connections in turn and on new ones. */
export class Caller {
  readonly waiting = new Set<{ readonly since: number }>();
  readonly #address: Address;
  readonly #kept: number;
  readonly #free: Connection[] = [];
  #keeps = 0;
  #isClosed = false;

  /** `kept`: how many connections are kept. */
  constructor(address: Address, { kept }: { readonly kept: number }) {
    this.#address = address;
    this.#kept = kept;
  }

  /** Undefined: it was not sent, for too many wait, or for want of a connection that it may use. */
  async ask({ path, isKept, mayOpen = true, timeoutMs }: Call): Promise<Outcome | undefined> {
    if (this.#isClosed || this.waiting.size >= mostInFlight) return undefined;
    const kept = isKept ? this.#takeFree() : undefined;
    if (!kept && !mayOpen) return undefined;
    const waits = { since: Date.now() };
    const startedAt = performance.now();
    this.waiting.add(waits);
    try {
      const left = () => Math.max(1, timeoutMs - (performance.now() - startedAt));
      const first = kept && (await this.#send(kept, path, true, timeoutMs));
      const isRetried = first?.kind === 'unanswered';
      const last =
        first && !(isRetried && mayOpen) ? first : await this.#send(this.#open(isKept), path, isKept, left());
      const ending = last.kind === 'unanswered' ? ({ kind: 'reset', detail: last.detail } as const) : last;
      return { ending, ms: performance.now() - startedAt, isRetried };
    } finally {
      this.waiting.delete(waits);
    }
  }

  /** Ends what is kept; what is under way is given up. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#free.splice(0)) connection.close();
  }

  /** The one that has rested longest, so that all are used. One that was closed while it rested is forgotten. */
  #takeFree(): Connection | undefined {
    if (this.#keeps < this.#kept) return undefined;
    for (let one = this.#free.shift(); one; one = this.#free.shift()) {
      if (one.isFree) return one;
      this.#keeps -= 1;
    }
    return undefined;
  }

  #open(isKept: boolean): Connection {
    if (isKept) this.#keeps += 1;
    return new Connection(this.#address);
  }

  async #send(connection: Connection, path: string, isKept: boolean, timeoutMs: number): Promise<Ending> {
    const ending = await connection.ask(requestOf(this.#address, path, isKept), timeoutMs);
    if (!isKept) connection.close();
    else if (connection.isFree && !this.#isClosed) this.#free.push(connection);
    else {
      this.#keeps -= 1;
      connection.close();
    }
    return ending;
  }
}

function requestOf({ host, port }: Address, path: string, isKept: boolean): Buffer {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${authority}`,
    `User-Agent: ${userAgent}`,
    'Accept: */*',
    ...(isKept ? [] : ['Connection: close']),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
