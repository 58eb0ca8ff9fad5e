import { UnreachableError } from '../../core/errors.ts';
import type { ClusterAccess } from './access.ts';
import { Connection } from './connection.ts';
import { ApiRefusal } from './refusal.ts';

export interface OpenSocketOptions {
  readonly access: ClusterAccess;
  readonly path: string;
  readonly protocol: string;
  readonly signal: AbortSignal;
}

/** How long the API server may take to answer. */
const openMs = 15_000;

/**
 * A WebSocket to the API server that is open; its messages are `ArrayBuffer`s. Throws `ApiRefusal` where the server refuses
 * it, and `UnreachableError`.
 */
export async function openSocket({ access, path, protocol, signal }: OpenSocketOptions): Promise<WebSocket> {
  const { serverName, ...tls } = access.tls;
  const options = {
    protocols: [protocol],
    headers: await access.headers(),
    tls: { ...tls, ...(serverName === undefined ? {} : { servername: serverName }) },
  };
  signal.throwIfAborted();
  const socket = new WebSocket(`${access.server.replace(/^http/, 'ws')}${path}`, options as never);
  socket.binaryType = 'arraybuffer';
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const refuse = () => resolve(false);
  const over = AbortSignal.any([signal, AbortSignal.timeout(openMs)]);
  over.addEventListener('abort', refuse, { once: true });
  socket.addEventListener('open', () => resolve(true), { once: true });
  socket.addEventListener('error', refuse, { once: true });
  socket.addEventListener('close', refuse, { once: true });
  const isOpen = await promise;
  over.removeEventListener('abort', refuse);
  if (isOpen && !signal.aborted) return socket;
  socket.close();
  signal.throwIfAborted();
  throw await whyNot({ access, path, protocol, signal });
}

/** A failed WebSocket tells nothing, so the same is asked for as if it were an ordinary request: that does nothing. */
async function whyNot({ access, path, signal }: OpenSocketOptions): Promise<unknown> {
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
