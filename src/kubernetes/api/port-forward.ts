import type { Socket, TCPSocketListener } from 'bun';
import type { ClusterAccess } from './access.ts';
import { openSocket, sendOn } from './socket.ts';

export interface ForwardPortOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  /** Asked for each connection, so that one that has gone meanwhile is replaced. */
  readonly pod: () => Promise<string>;
  readonly port: number;
  /** On 127.0.0.1; default: a free one. */
  readonly localPort?: number;
  readonly trace: (line: string) => void;
  readonly signal: AbortSignal;
}

interface Tunnel {
  /** What came from here is sent one after the other. */
  sending: Promise<void>;
  socket: WebSocket | undefined;
  /** What came before the tunnel was open. */
  waiting: Uint8Array[];
  /** What the local connection did not take yet. */
  unsent: Uint8Array[];
  isEnding: boolean;
  /** The local connection is gone. */
  isClosed: boolean;
}

/** Opens a port of this machine that leads to a port of a pod, until the signal aborts. */
export function forwardPort(options: ForwardPortOptions): {
  readonly port: number;
  readonly ended: Promise<void>;
} {
  const { localPort = 0, signal, trace } = options;
  const listener: TCPSocketListener<Tunnel> = Bun.listen<Tunnel>({
    hostname: '127.0.0.1',
    port: localPort,
    socket: {
      open(local) {
        local.data = {
          sending: Promise.resolve(),
          socket: undefined,
          waiting: [],
          unsent: [],
          isEnding: false,
          isClosed: false,
        };
        void connect(local, options).catch((error: unknown) => {
          trace(`port-forward: ${error}`);
          local.end();
        });
      },
      data(local, chunk) {
        const copy = new Uint8Array(chunk);
        if (local.data.socket) sendData(local, local.data.socket, copy);
        else local.data.waiting.push(copy);
      },
      drain: flush,
      close({ data: tunnel }) {
        tunnel.isClosed = true;
        tunnel.socket?.close();
      },
    },
  });
  const ended = new Promise<void>((resolve) => {
    const stop = () => {
      listener.stop(true);
      resolve();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return { port: listener.port, ended };
}

async function connect(local: Socket<Tunnel>, options: ForwardPortOptions): Promise<void> {
  const { access, namespace, port, signal } = options;
  const path = `/api/v1/namespaces/${namespace}/pods/${await options.pod()}/portforward?ports=${port}`;
  const tunnel = local.data;
  // The first message of each channel only names the port.
  const opened = new Set<number>();
  const onMessage = (bytes: Uint8Array) => {
    const channel = bytes[0] ?? 0;
    if (!opened.has(channel)) return void opened.add(channel);
    if (channel === 1) {
      options.trace(`port-forward: ${new TextDecoder().decode(bytes.subarray(1))}`);
      return void local.end();
    }
    tunnel.unsent.push(bytes.subarray(1));
    flush(local);
  };
  const onClose = () => {
    tunnel.isEnding = true;
    flush(local);
  };
  const protocol = 'v4.channel.k8s.io';
  const socket = await openSocket({ access, path, protocol, onMessage, onClose, signal });
  // Whoever asked has gone while it was opened.
  if (tunnel.isClosed) return socket.close();
  tunnel.socket = socket;
  for (const chunk of tunnel.waiting.splice(0)) sendData(local, socket, chunk);
}

/** No more is taken from here while that waits to be sent. */
function sendData(local: Socket<Tunnel>, socket: WebSocket, chunk: Uint8Array): void {
  const tunnel = local.data;
  local.pause();
  const sent = tunnel.sending.then(() => sendOn(socket, 0, chunk));
  tunnel.sending = sent;
  void sent.then(() => {
    if (tunnel.sending === sent) local.resume();
  });
}

/** Writes what is left, as far as the local connection takes it. */
function flush(local: Socket<Tunnel>): void {
  const tunnel = local.data;
  for (let chunk = tunnel.unsent[0]; chunk; chunk = tunnel.unsent[0]) {
    const written = local.write(chunk);
    if (written < chunk.length) {
      tunnel.unsent[0] = chunk.subarray(Math.max(0, written));
      return;
    }
    tunnel.unsent.shift();
  }
  if (tunnel.isEnding) local.end();
}
