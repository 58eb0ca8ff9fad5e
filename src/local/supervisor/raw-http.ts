import { connect, createServer, type Server, type Socket } from 'node:net';

/** A request as it came over the wire. */
export interface RawRequest {
  readonly line: string;
  /** In the order in which they came, names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface RawServer {
  readonly port: number;
  readonly requests: readonly RawRequest[];
  /** How many connections were opened. */
  readonly connections: () => number;
  readonly close: () => void;
}

/** A server each of whose bytes is written by the test. */
export async function serveRaw(answer: (socket: Socket, request: RawRequest) => void): Promise<RawServer> {
  const requests: RawRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let bytes = '';
    socket.on('data', (data) => {
      bytes += data.toString('latin1');
      for (let read = readMessage(bytes); read; read = readMessage(bytes)) {
        bytes = bytes.slice(read.length);
        const { start: line, headers, body } = read;
        requests.push({ line, headers, body });
        answer(socket, { line, headers, body });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    requests,
    connections: () => connections,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** A client each of whose bytes is written by the test. */
export class RawClient {
  readonly socket: Socket;
  /** All that came. */
  bytes = '';
  isClosed = false;
  #taken = 0;
  #wake = Promise.withResolvers<void>();

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('data', (data) => {
      this.bytes += data.toString('latin1');
      this.#notify();
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#notify();
    });
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next whole answer; nothing where the connection was closed before its end. */
  async answer({ isHead = false } = {}): Promise<RawAnswer | undefined> {
    for (;;) {
      const read = readMessage(this.bytes.slice(this.#taken), isHead);
      if (read) {
        this.#taken += read.length;
        const status = Number(read.start.split(' ')[1]);
        if (status >= 200) return { status, headers: read.headers, body: read.body };
      } else if (this.isClosed) return undefined;
      else await this.#wake.promise;
    }
  }

  /** When the claim holds of all bytes that came. */
  async until(claim: (bytes: string) => boolean): Promise<void> {
    while (!claim(this.bytes)) {
      if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.bytes)}`);
      await this.#wake.promise;
    }
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await this.#wake.promise;
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** The values of a header. */
export function valuesOf({ headers }: Pick<RawAnswer, 'headers'>, name: string): readonly string[] {
  return headers.filter(([known]) => known === name).map(([, value]) => value);
}

interface Message extends Omit<RawAnswer, 'status'> {
  readonly start: string;
  /** How many bytes it takes. */
  readonly length: number;
}

/** The first whole message in the bytes, if there is one. */
function readMessage(bytes: string, isHead = false): Message | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [start = '', ...lines] = bytes.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  const from = end + 4;
  const hasNoBody = isHead || /^HTTP\/1\.1 (1..|204|304) /.test(start);
  if (hasNoBody) return { start, headers, body: '', length: from };
  if (headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked')) {
    const chunks = readChunks(bytes, from);
    return chunks && { start, headers, ...chunks };
  }
  const length = from + Number(valuesOf({ headers }, 'content-length')[0] ?? 0);
  return bytes.length < length ? undefined : { start, headers, body: bytes.slice(from, length), length };
}

function readChunks(bytes: string, from: number): Pick<Message, 'body' | 'length'> | undefined {
  let body = '';
  for (let at = from; ; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const size = Number.parseInt(bytes.slice(at, end), 16);
    const next = end + 2 + size + 2;
    if (bytes.length < next) return undefined;
    body += bytes.slice(end + 2, next - 2);
    if (size === 0) return { body, length: next };
    at = next;
  }
}
