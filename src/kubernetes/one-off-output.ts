import { UnreachableError } from '../core/errors.ts';
import type { Api } from './api/api.ts';
import { ApiRefusal } from './api/refusal.ts';
import type { RemoteStreams } from './api/remote-process.ts';

export interface FollowOutputOptions {
  readonly api: Pick<Api, 'printed'>;
  readonly pod: string;
  readonly container: string;
  readonly show: (bytes: Uint8Array) => void;
  readonly hasEnded: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

const againMs = 250;

/**
 * All that a process prints, byte for byte and once, until it has ended: by the log of its container, which begins with
 * the process. Joining it would miss what came before that, and there is no telling how much that was. A log has both
 * outputs in one.
 */
export async function followOutput(options: FollowOutputOptions): Promise<void> {
  const { api, pod, container, show, hasEnded, signal } = options;
  let shown = 0;
  // The last of it may be written to the log after the cluster told the end: until twice nothing is new.
  for (let quiet = 0; quiet < 2; ) {
    const isOver = await hasEnded();
    const before = shown;
    try {
      let at = 0;
      for await (const bytes of api.printed(pod, { container, isFollowed: !isOver }, signal)) {
        // After a connection that was cut it comes from its beginning again.
        const known = Math.max(0, shown - at);
        at += bytes.length;
        if (known < bytes.length) show(bytes.subarray(known));
        shown = Math.max(shown, at);
      }
    } catch (error) {
      signal.throwIfAborted();
      // A process that could not be started has no log.
      const isNone = error instanceof ApiRefusal && ![401, 403].includes(error.status);
      if (!isNone && (isOver || !(error instanceof UnreachableError))) throw error;
    }
    quiet = isOver && shown === before ? quiet + 1 : 0;
    if (quiet < 2) await Bun.sleep(againMs);
  }
}

export interface JoinOutputOptions {
  readonly terminal: RemoteStreams;
  /** The log of the process, from its beginning until now. */
  readonly printed: () => AsyncIterable<string>;
}

export interface JoinedOutput {
  /** For joining the process: what comes waits until what was printed before has been shown. */
  readonly streams: RemoteStreams;
  /** Resolves when the process has been joined. */
  readonly joined: Promise<void>;
  /** Shows what was printed before the process was joined. */
  catchUp(): Promise<void>;
  /** Once the process has ended: shows what came neither way. */
  finish(): Promise<void>;
}

interface Chunk {
  readonly show: (bytes: Uint8Array) => void;
  readonly bytes: Uint8Array;
}

/** A process in a terminal is joined after it began, when it may have printed already: that comes from its log, and once. */
export function joinOutput({ terminal, printed }: JoinOutputOptions): JoinedOutput {
  const { promise: joined, resolve: join } = Promise.withResolvers<void>();
  let waiting: Chunk[] | undefined = [];
  let before = 0;
  let hasCome = false;
  const take = (show: Chunk['show']) => (bytes: Uint8Array) => {
    if (waiting) {
      waiting.push({ show, bytes: bytes.slice() });
      return;
    }
    hasCome = true;
    show(bytes);
  };
  async function* input(): AsyncGenerator<Uint8Array> {
    join();
    if (terminal.input) yield* terminal.input;
  }
  const read = async () => Buffer.from(await readAll(printed));
  return {
    streams: { ...terminal, input: input(), output: take(terminal.output), errors: take(terminal.errors) },
    joined,
    async catchUp() {
      const log = await read();
      if (log.length > 0) terminal.output(log);
      before = log.length;
      const held = waiting ?? [];
      waiting = undefined;
      let twice = overlap(log, Buffer.concat(held.map(({ bytes }) => bytes)));
      for (const { show, bytes } of held) {
        if (twice < bytes.length) take(show)(bytes.subarray(twice));
        twice = Math.max(0, twice - bytes.length);
      }
    },
    async finish() {
      // What a terminal shows is no text that could be put together afterwards.
      if (!hasCome) terminal.output((await read()).subarray(before));
    },
  };
}

/** A log holds whole lines, without what ended them. */
async function readAll(printed: () => AsyncIterable<string>): Promise<string> {
  let text = '';
  try {
    for await (const line of printed()) text += `${line.replace(/\r$/, '')}\r\n`;
  } catch (error) {
    // A log that cannot be read yet has nothing in it.
    if (!(error instanceof ApiRefusal)) throw error;
  }
  return text;
}

/** How much of what came is the end of what was printed before. */
function overlap(before: Buffer, after: Buffer): number {
  for (let size = Math.min(before.length, after.length); size > 0; size -= 1) {
    if (before.subarray(before.length - size).equals(after.subarray(0, size))) return size;
  }
  return 0;
}
