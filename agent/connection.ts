import { AnswerParser } from '../src/load/answer.ts';

/** How one request on one connection ended. */
export type Ending =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'refused' | 'cut' | 'late' | 'malformed'; readonly detail: string }
  /** Closed before a byte of the answer. */
  | { readonly kind: 'unanswered'; readonly detail: string };

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** One TCP connection to an address; carries one request at a time. */
export class Connection {
  /** It can carry another request. */
  isFree = false;
  requests = 0;
  readonly #address: Address;
  readonly #parser = new AnswerParser();
  #socket: Bun.Socket<Connection> | undefined;
  #unsent: Buffer = Buffer.alloc(0);
  #end: ((ending: Ending) => void) | undefined;

  constructor(address: Address) {
    this.#address = address;
  }

  /** Sends a GET, opening the connection first where it is not yet; its end at `timeoutMs` at the latest. */
  ask(request: Buffer, timeoutMs: number): Promise<Ending> {
    const { promise, resolve } = Promise.withResolvers<Ending>();
    const timer = setTimeout(() => {
      this.#settle({ kind: 'late', detail: `no whole answer in ${timeoutMs} ms` });
      this.close();
    }, timeoutMs);
    this.#end = (ending) => {
      clearTimeout(timer);
      resolve(ending);
    };
    this.isFree = false;
    this.requests += 1;
    this.#parser.reset({ method: 'GET', keepsBody: false });
    this.#unsent = request;
    if (this.#socket) this.#flush();
    else this.#open();
    return promise;
  }

  close(): void {
    this.isFree = false;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }

  #open(): void {
    const { host, port } = this.#address;
    Bun.connect({ hostname: host, port, data: this, socket: handlers }).catch((error: unknown) =>
      this.#settle({ kind: 'refused', detail: codeOf(error) ?? 'no connection' }),
    );
  }

  opened(socket: Bun.Socket<Connection>): void {
    if (this.#end === undefined) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    this.#flush();
  }

  received(bytes: Buffer): void {
    if (this.#end === undefined) {
      // Bytes that nobody asked for.
      this.close();
      return;
    }
    const progress = this.#parser.push(bytes);
    if (progress === 'done') this.#answered();
    if (progress === 'malformed') {
      this.#settle({ kind: 'malformed', detail: this.#parser.fault ?? '' });
      this.close();
    }
  }

  flush(): void {
    if (this.#end) this.#flush();
  }

  closed(code: string | undefined): void {
    this.isFree = false;
    this.#socket = undefined;
    if (this.#end === undefined) return;
    if (!this.#parser.hasBegun) this.#settle({ kind: 'unanswered', detail: code ?? 'closed' });
    else if (this.#parser.close({ isClean: code === undefined }) === 'done') this.#answered();
    else this.#settle({ kind: 'cut', detail: `${code ?? 'closed'} in the middle of an answer` });
  }

  #answered(): void {
    const { status, closes } = this.#parser;
    if (closes) this.close();
    else this.isFree = this.#socket !== undefined;
    this.#settle({ kind: 'answered', status });
  }

  #flush(): void {
    const written = this.#socket?.write(this.#unsent) ?? 0;
    this.#unsent = this.#unsent.subarray(Math.max(0, written));
  }

  #settle(ending: Ending): void {
    const end = this.#end;
    this.#end = undefined;
    end?.(ending);
  }
}

const handlers: Bun.SocketHandler<Connection> = {
  open: (socket) => socket.data.opened(socket),
  data: (socket, bytes) => socket.data.received(bytes),
  drain: (socket) => socket.data.flush(),
  end: (socket) => {
    socket.data.closed(undefined);
    socket.end();
  },
  close: (socket, error) => socket.data.closed(codeOf(error)),
  error: (_, error) => {
    queueMicrotask(() => {
      throw error;
    });
  },
};

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
