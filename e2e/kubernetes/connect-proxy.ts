import { connect, createServer as createPlainServer, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';

export interface ConnectProxy extends AsyncDisposable {
  /** Without credentials. */
  readonly host: string;
  /** What it was asked to open, in order: `10.250.0.2:6443`. */
  readonly opened: readonly string[];
  /** Ends every tunnel that is open. */
  cut(): void;
}

export interface ConnectProxyOptions {
  /** `user:password` */
  readonly credentials?: string;
  /** Default: it speaks http. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A proxy as a company has one: it opens tunnels, for those who have its credentials. */
export async function openConnectProxy({ credentials, tls }: ConnectProxyOptions): Promise<ConnectProxy> {
  const opened: string[] = [];
  const sockets = new Set<Socket>();
  const expected = credentials === undefined ? undefined : `Basic ${btoa(credentials)}`;
  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let head = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', read);
      answer(socket, head.subarray(0, end).toString(), head.subarray(end + 4));
    };
    socket.on('data', read);
  };

  function answer(socket: Socket, head: string, rest: Buffer): void {
    const [, host = '', port = ''] = /^CONNECT (\S+):(\d+) /.exec(head) ?? [];
    const [, given] = /^proxy-authorization: (.*)$/im.exec(head) ?? [];
    if (given?.trim() !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    opened.push(`${host}:${port}`);
    const way = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      way.write(rest);
      way.pipe(socket);
      socket.pipe(way);
    });
    sockets.add(way);
    way.on('error', () => socket.destroy());
    way.on('close', () => socket.destroy());
    socket.on('close', () => way.destroy());
  }

  const server = tls ? createSecureServer(tls, serve) : createPlainServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    host: `127.0.0.1:${port}`,
    opened,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
