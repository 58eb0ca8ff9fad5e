import { UnreachableError } from '../../core/errors.ts';
import { type ClusterAccess, socketWireOf } from './access.ts';
import { Connection } from './connection.ts';
import { ApiRefusal } from './refusal.ts';

export interface OpenSocketOptions {
  readonly access: ClusterAccess;
  readonly path: string;
  readonly protocol: string;
  /** Told of each message: the number of its channel, then its content. The first may come with the opening itself. */
  readonly onMessage: (bytes: Uint8Array) => void;
  /** Told of the end of a connection that was open. */
  readonly onClose: () => void;
  readonly signal: AbortSignal;
}

/** How long the API server may take to answer. */
const openMs = 15_000;

/** A WebSocket to the API server that is open. Throws `ApiRefusal` where the server refuses it, and `UnreachableError`. */
export async function openSocket(asked: OpenSocketOptions): Promise<WebSocket> {
  const { access, path, protocol, onMessage, onClose, signal } = asked;
  const options = {
    protocols: [protocol],
    headers: await access.headers(),
    ...socketWireOf(access),
  };
  signal.throwIfAborted();
  const socket = new WebSocket(`${access.server.replace(/^http/, 'ws')}${path}`, options as never);
  socket.binaryType = 'arraybuffer';
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const refuse = () => resolve(false);
  const over = AbortSignal.any([signal, AbortSignal.timeout(openMs)]);
  over.addEventListener('abort', refuse, { once: true });
  socket.addEventListener('message', ({ data }) => onMessage(new Uint8Array(data as ArrayBuffer)));
  socket.addEventListener('error', refuse, { once: true });
  socket.addEventListener('close', refuse, { once: true });
  socket.addEventListener(
    'open',
    () => {
      socket.addEventListener('close', onClose, { once: true });
      resolve(true);
    },
    { once: true },
  );
  const isOpen = await promise;
  over.removeEventListener('abort', refuse);
  if (isOpen && !signal.aborted) return socket;
  socket.close();
  signal.throwIfAborted();
  throw await whyNot(asked);
}

/** A failed WebSocket tells nothing, so the same is asked for as if it were an ordinary request: that does nothing. */
async function whyNot({
  access,
  path,
  signal,
}: Pick<OpenSocketOptions, 'access' | 'path' | 'signal'>): Promise<unknown> {
  const connection = new Connection({ access, trace: () => undefined });
  const asked = connection.call({ method: 'GET', path, signal, isOnce: true });
  const error = await asked.catch((thrown: unknown) => thrown);
  signal.throwIfAborted();
  // It has no fault in it but that it is no WebSocket.
  const isFine = error instanceof Response || (error instanceof ApiRefusal && error.status === 400);
  if (!isFine) return error;
  return new UnreachableError({
    code: 'environment_unreachable',
    message: `${access.server} did not open a connection for ${path.split('?')[0]}`,
    hint: 'the pod may have ended meanwhile; a proxy before the cluster may let no WebSockets through',
  });
}

/** More than this does not wait to be sent. */
const mostWaiting = 1024 * 1024;
const lookMs = 5;

/** Sends a message of a channel; ends when there is room for more, or the socket is closed. */
export async function sendOn(socket: WebSocket, channel: number, content: Uint8Array): Promise<void> {
  if (socket.readyState !== WebSocket.OPEN) return;
  const message = new Uint8Array(content.length + 1);
  message[0] = channel;
  message.set(content, 1);
  socket.send(message);
  while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > mostWaiting) await Bun.sleep(lookMs);
}
