import { UserError } from '../../core/errors.ts';
import type { ClusterAccess } from './access.ts';
import { openSocket, sendOn } from './socket.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Where a process in a pod reads and writes. */
export interface RemoteStreams {
  readonly input?: AsyncIterable<Uint8Array>;
  readonly output: (chunk: Uint8Array) => void;
  /** Not used with a terminal, which has one output. */
  readonly errors: (chunk: Uint8Array) => void;
  readonly isTerminal: boolean;
  /** Of the terminal: now, and whenever it changes. */
  readonly sizes?: AsyncIterable<TerminalSize>;
}

export interface RemoteProcessOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly streams: RemoteStreams;
  readonly signal: AbortSignal;
}

/** Runs a command in a container that runs; its exit code. Throws `one_off_failed` where it cannot be started. */
export function exec(
  options: RemoteProcessOptions & { readonly command: readonly string[] },
): Promise<number> {
  return join('exec', options, { command: options.command });
}

/** Joins the first process of a container; its exit code, or 0 where the API does not tell one. */
export function attach(options: RemoteProcessOptions): Promise<number> {
  return join('attach', options, {});
}

/** Gives input to the first process of a container and hears nothing of it, until it has taken all or has ended. */
export async function attachInput({
  input,
  ...options
}: Omit<RemoteProcessOptions, 'streams'> & { readonly input: AsyncIterable<Uint8Array> }): Promise<void> {
  const unheard = () => undefined;
  const streams = { input, output: unheard, errors: unheard, isTerminal: false };
  await join('attach', { ...options, streams }, { isHeard: false });
}

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

async function join(
  verb: 'exec' | 'attach',
  { access, namespace, pod, container, streams, signal }: RemoteProcessOptions,
  { command = [], isHeard = true }: { readonly command?: readonly string[]; readonly isHeard?: boolean },
): Promise<number> {
  const { input, isTerminal } = streams;
  const query = new URLSearchParams([
    ['container', container],
    ['stdout', String(isHeard)],
    ['stderr', String(isHeard && !isTerminal)],
    ['stdin', String(input !== undefined)],
    ['tty', String(isTerminal)],
    ...command.map((word) => ['command', word] as [string, string]),
  ]);
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/${verb}?${query}`;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  // It may be rejected before it is waited for.
  promise.catch(() => undefined);
  const onMessage = (bytes: Uint8Array) => {
    const content = bytes.subarray(1);
    if (bytes[0] === channels.stdout && content.length > 0) streams.output(content);
    if (bytes[0] === channels.stderr && content.length > 0) streams.errors(content);
    // An empty one only says that it is joined, where nothing else would.
    if (bytes[0] !== channels.status || content.length === 0) return;
    // At once: the end of the connection may come with it.
    try {
      resolve(readStatus(content, `${verb} in ${pod}`));
    } catch (error) {
      reject(error);
    }
  };
  const onClose = () => reject(cut(`${verb} in ${pod}`));
  const protocol = 'v5.channel.k8s.io';
  const socket = await openSocket({ access, path, protocol, onMessage, onClose, signal });
  const end = () => reject(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  const send: Send = (channel, content) => sendOn(socket, channel, content);
  passInput(input, send).catch(reject);
  passSizes(streams.sizes, send).catch(reject);
  return promise.finally(() => {
    signal.removeEventListener('abort', end);
    socket.close();
  });
}

type Send = (channel: number, content: Uint8Array) => Promise<void>;

async function passInput(input: RemoteStreams['input'], send: Send): Promise<void> {
  if (!input) return;
  try {
    for await (const chunk of input) await send(channels.stdin, chunk);
  } finally {
    await send(channels.close, new Uint8Array([channels.stdin]));
  }
}

async function passSizes(sizes: RemoteStreams['sizes'], send: Send): Promise<void> {
  if (!sizes) return;
  for await (const { columns, rows } of sizes) {
    await send(channels.resize, new TextEncoder().encode(JSON.stringify({ Width: columns, Height: rows })));
  }
}

interface Status {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** The API says how the process ended as the last thing. */
function readStatus(content: Uint8Array, what: string): number {
  const status = JSON.parse(new TextDecoder().decode(content)) as Status;
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (code !== undefined) return Number(code);
  const { message = status.reason ?? 'the cluster gave no reason' } = status;
  // As every runtime says it, behind where in its own parts that came up.
  const missing = /exec: "([^"]+)": .*(?:not found|no such file)/.exec(message)?.[1];
  throw new UserError({
    code: 'one_off_failed',
    message: missing === undefined ? `${what} could not start: ${message}` : `${missing} is not in the image`,
    hint: 'the image may have no shell: run a program that it has, such as bun -e "…" where it has Bun',
  });
}

function cut(what: string): UserError {
  return new UserError({
    code: 'environment_unreachable',
    message: `the connection of ${what} was cut`,
    hint: 'whether it runs on is not known; causeway status shows whether the cluster answers',
  });
}
