import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { AnswerParser } from './answer.ts';
import type { Cause, StreamTally } from './report.ts';
import type { Stream } from './shape.ts';

/** What all clients of a load share. */
export interface Ground {
  readonly host: string;
  readonly port: number;
  /** The number of the request that may now be sent; undefined when there is to be none. */
  readonly take: () => number | undefined;
  /** Called whenever a total has changed. */
  readonly counted: () => void;
  readonly isOver: () => boolean;
  /** The client will not send again, and its connection is closed. */
  readonly left: () => void;
}

/**
 * One client: at most one connection and one request at a time. It sends nothing twice but what RFC 9110 §9.2.2
 * lets every client send twice, and counts that.
 */
export class Client {
  readonly #ground: Ground;
  readonly #stream: Stream;
  readonly #tally: StreamTally;
  readonly #parser = new AnswerParser();
  readonly #method: string;
  readonly #timeoutMs: number;
  readonly #head: Buffer;
  readonly #body: Buffer;
  readonly #whole: Buffer;
  readonly #gapMs: number | undefined;
  #connection: Connection | undefined;
  #request: InFlight | undefined;
  #unsent: Buffer[] = [];
  #unpaced: Buffer[] = [];
  #dueAt = 0;
  #nextTimer: Timer | undefined;
  #pieceTimer: Timer | undefined;
  #hasLeft = false;

  constructor(ground: Ground, stream: Stream, tally: StreamTally) {
    this.#ground = ground;
    this.#stream = stream;
    this.#tally = tally;
    this.#method = stream.method ?? 'GET';
    this.#timeoutMs = stream.timeoutMs ?? 10_000;
    this.#head = requestHead(ground, stream);
    this.#body = stream.body === undefined ? Buffer.alloc(0) : randomBytes(stream.body.bytes);
    this.#whole = Buffer.concat([this.#head, this.#body]);
    this.#body = this.#whole.subarray(this.#head.length);
    this.#gapMs = stream.rate === undefined ? undefined : (1000 * stream.connections) / stream.rate;
  }

  /** `share` of the gap between two requests passes first, so that the clients of a stream take turns. */
  start({ share }: { readonly share: number }): void {
    const waitMs = this.#gapMs ?? this.#pause();
    this.#dueAt = performance.now() + waitMs * share;
    this.#wait(waitMs * share);
  }

  /** Sends nothing more; leaves when the request in flight has ended. */
  stop(): void {
    if (this.#request === undefined) this.#leave();
  }

  /** Leaves at once. */
  abandon(): void {
    if (this.#request !== undefined) this.#tally.abandoned();
    this.#request = undefined;
    this.#leave();
  }

  /** Ends a request that is out of time. */
  expire(now: number): void {
    const request = this.#request;
    if (request === undefined || now - request.sentAt < this.#timeoutMs) return;
    const phase = this.#connection?.socket === undefined ? 'connecting' : this.#phase();
    this.#failed('timed-out', `${this.#timeoutMs} ms, ${phase}`);
  }

  opened(connection: Connection, socket: Socket): void {
    connection.socket = socket;
    if (connection !== this.#connection) {
      socket.terminate();
      return;
    }
    this.#tally.opened();
    this.#send(connection);
  }

  unopened(connection: Connection, reported: string): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    const code = reported === 'ECONNREFUSED' ? (descriptorShortage() ?? reported) : reported;
    const cause = code === 'ECONNREFUSED' ? 'refused' : code === 'ECONNRESET' ? 'reset' : 'unreachable';
    this.#failed(cause, `${code} while connecting`);
  }

  received(connection: Connection, bytes: Buffer): void {
    if (connection !== this.#connection) return;
    if (this.#request === undefined) {
      this.#tally.stray();
      this.#ground.counted();
      this.#drop();
      return;
    }
    const progress = this.#parser.push(bytes);
    if (progress === 'done') this.#answered(connection);
    else if (progress === 'malformed') this.#failed('malformed', this.#parser.fault ?? '');
  }

  drained(connection: Connection): void {
    if (connection === this.#connection && this.#request !== undefined) this.#flush(connection);
  }

  /** `code` is the error that closed the connection; undefined after a clean end by the peer. */
  closed(connection: Connection, code: string | undefined): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    const request = this.#request;
    if (request === undefined) return;
    if (this.#parser.hasBegun) {
      if (this.#parser.close({ isClean: code === undefined }) === 'done') this.#answered(connection);
      else this.#failed('cut', `${code ?? 'closed'}, ${this.#phase()}`);
    } else if (connection.requests > 1 && !request.isRetried && idempotent.has(this.#method)) {
      request.isRetried = true;
      this.#forgetUpload();
      this.#tally.retried();
      this.#ground.counted();
      this.#connect();
    } else {
      this.#failed('reset', code ?? 'closed');
    }
  }

  #wait(ms: number): void {
    if (ms <= 0) this.#begin();
    else this.#nextTimer = setTimeout(() => this.#begin(), ms);
  }

  #begin(): void {
    this.#nextTimer = undefined;
    if (this.#hasLeft) return;
    const number = this.#ground.take();
    if (number === undefined) {
      this.#leave();
      return;
    }
    if (this.#body.length >= 4) this.#body.writeUInt32LE(number % 2 ** 32);
    this.#request = { sentAt: performance.now(), isRetried: false, connection: undefined };
    if (this.#connection === undefined) this.#connect();
    else this.#send(this.#connection);
  }

  #connect(): void {
    const connection: Connection = {
      client: this,
      openedAt: performance.now(),
      requests: 0,
      socket: undefined,
    };
    this.#connection = connection;
    if (this.#request !== undefined) this.#request.connection = connection;
    Bun.connect({
      hostname: this.#ground.host,
      port: this.#ground.port,
      data: connection,
      socket: handlers,
    }).catch((error: unknown) => this.unopened(connection, codeOf(error) ?? String(error)));
  }

  #send(connection: Connection): void {
    connection.requests++;
    if (this.#request !== undefined) this.#request.connection = connection;
    this.#parser.reset({ method: this.#method, keepsBody: this.#stream.check !== undefined });
    const pieces = this.#stream.body?.pieces;
    if (pieces === undefined) {
      this.#unsent = [this.#whole];
      this.#flush(connection);
    } else {
      this.#unsent = [this.#head];
      this.#unpaced = chunked(this.#body, pieces);
      this.#flush(connection);
      this.#sendPiece(connection);
    }
  }

  #sendPiece(connection: Connection): void {
    this.#pieceTimer = undefined;
    const piece = this.#unpaced.shift();
    if (piece === undefined) return;
    this.#unsent.push(piece);
    this.#flush(connection);
    if (this.#unpaced.length > 0)
      this.#pieceTimer = setTimeout(() => this.#sendPiece(connection), this.#stream.body?.pieceMs ?? 0);
  }

  /** Writes what the socket takes; `drain` calls for the rest. A closed socket reports itself by `close`. */
  #flush({ socket }: Connection): void {
    if (socket === undefined) return;
    for (let first = this.#unsent[0]; first !== undefined; first = this.#unsent[0]) {
      const written = socket.write(first);
      if (written < first.length) {
        if (written > 0) this.#unsent[0] = first.subarray(written);
        return;
      }
      this.#unsent.shift();
    }
  }

  #answered(connection: Connection): void {
    const fault = this.#judge();
    if (fault !== undefined) {
      this.#failed(fault.cause, fault.detail);
      return;
    }
    const request = this.#request;
    if (request === undefined) return;
    const now = performance.now();
    connection.replica = this.#parser.replica;
    this.#tally.ok({ elapsedMs: now - request.sentAt, release: this.#parser.release });
    this.#ended(connection, now);
  }

  #judge(): { readonly cause: Cause; readonly detail: string } | undefined {
    const { status } = this.#parser;
    if (status >= 500) return { cause: gatewayCauses.get(status) ?? 'other-5xx', detail: `status ${status}` };
    if (status >= 400 || status < 200) return { cause: 'unexpected-status', detail: `status ${status}` };
    if (this.#stream.check === undefined) return undefined;
    const detail = this.#stream.check({ body: this.#parser.body(), sent: this.#body });
    return detail === undefined ? undefined : { cause: 'wrong-body', detail };
  }

  #failed(cause: Cause, detail: string): void {
    const request = this.#request;
    if (request === undefined) return;
    const now = performance.now();
    const { connection } = request;
    const parser = this.#parser;
    const hasAnswer = connection !== undefined && connection.requests > 0 && parser.hasBegun;
    const replica = (hasAnswer ? parser.replica : undefined) ?? connection?.replica;
    this.#tally.failed({
      cause,
      detail,
      at: Date.now(),
      elapsedMs: now - request.sentAt,
      connection: {
        ageMs: connection === undefined ? 0 : now - connection.openedAt,
        requests: connection?.requests ?? 0,
        isReused: connection !== undefined && connection.requests > 1,
        ...(replica === undefined ? {} : { replica }),
      },
      ...(hasAnswer && {
        ...(parser.status > 0 && { status: parser.status }),
        ...(parser.release !== undefined && { release: parser.release }),
        firstBytes: parser.firstBytes(),
      }),
    });
    if (!wholeAnswer.has(cause)) this.#drop();
    this.#ended(this.#connection, now, hasAnswer ? 0 : backOffMs);
  }

  /** The request has ended; the connection carries the next one if both sides may go on with it. */
  #ended(connection: Connection | undefined, now: number, leastWaitMs = 0): void {
    const isUploaded = this.#unsent.length === 0 && this.#unpaced.length === 0;
    const goesOn = this.#stream.kind !== 'new' && !this.#parser.closes && isUploaded;
    if (connection !== undefined && !goesOn) this.#close();
    this.#forgetUpload();
    this.#request = undefined;
    this.#ground.counted();
    if (this.#ground.isOver()) {
      this.#leave();
    } else if (this.#gapMs === undefined) {
      this.#wait(Math.max(leastWaitMs, this.#pause()));
    } else {
      this.#dueAt = Math.max(this.#dueAt + this.#gapMs, now - debtMs);
      this.#wait(Math.max(leastWaitMs, this.#dueAt - now));
    }
  }

  #pause(): number {
    const pause = this.#stream.pauseMs;
    return pause === undefined ? 0 : pause[0] + Math.random() * (pause[1] - pause[0]);
  }

  #phase(): string {
    if (!this.#parser.hasBegun) return 'before a byte of the answer';
    return this.#parser.status === 0
      ? 'in the head of the answer'
      : `after ${this.#parser.bodyBytes} bytes of the body`;
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    clearTimeout(this.#nextTimer);
    this.#forgetUpload();
    this.#close();
    this.#ground.left();
  }

  #forgetUpload(): void {
    clearTimeout(this.#pieceTimer);
    this.#unsent = [];
    this.#unpaced = [];
  }

  #close(): void {
    this.#detach()?.end();
  }

  #drop(): void {
    this.#detach()?.terminate();
  }

  /** The socket calls `close` while it is being ended; by then it must not be this client's any more. */
  #detach(): Socket | undefined {
    const socket = this.#connection?.socket;
    this.#connection = undefined;
    return socket;
  }
}

interface InFlight {
  readonly sentAt: number;
  isRetried: boolean;
  /** The one it was last sent on. */
  connection: Connection | undefined;
}

interface Connection {
  readonly client: Client;
  readonly openedAt: number;
  requests: number;
  /** Which one answered on it last, by its `x-replica`. */
  replica?: string | undefined;
  socket: Socket | undefined;
}

type Socket = Bun.Socket<Connection>;

const handlers: Bun.SocketHandler<Connection> = {
  open: (socket) => socket.data.client.opened(socket.data, socket),
  data: (socket, bytes) => socket.data.client.received(socket.data, bytes),
  drain: (socket) => socket.data.client.drained(socket.data),
  end: (socket) => {
    socket.data.client.closed(socket.data, undefined);
    socket.end();
  },
  close: (socket, error) => socket.data.client.closed(socket.data, codeOf(error)),
  error: (_, error) => {
    queueMicrotask(() => {
      throw error;
    });
  },
};

function requestHead({ host, port }: Ground, { kind, method = 'GET', path, body }: Stream): Buffer {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${authority}`];
  if (kind === 'new') lines.push('Connection: close');
  if (body?.pieces !== undefined) lines.push('Transfer-Encoding: chunked');
  else if (body !== undefined) lines.push(`Content-Length: ${body.bytes}`);
  if (body !== undefined) lines.push('Content-Type: application/octet-stream');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function chunked(body: Buffer, pieces: number): Buffer[] {
  const size = Math.max(1, Math.ceil(body.length / pieces));
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    chunks.push(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]));
  }
  chunks.push(Buffer.from('0\r\n\r\n'));
  return chunks;
}

/** Bun calls it refused, too, when this process has no descriptor left, and that is nobody else's fault. */
function descriptorShortage(): string | undefined {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const gatewayCauses: ReadonlyMap<number, Cause> = new Map([
  [502, '502'],
  [503, '503'],
  [504, '504'],
]);
/** After these the answer was read to its end, so that the connection is in order. */
const wholeAnswer: ReadonlySet<Cause> = new Set([
  '502',
  '503',
  '504',
  'other-5xx',
  'unexpected-status',
  'wrong-body',
]);
/** After a request without an answer, so that a closed loop does not spin. */
const backOffMs = 10;
/** A client that fell behind its rate makes up for this much and forgets the rest. */
const debtMs = 100;
