import { ApiRefusal } from './api/refusal.ts';
import type { RemoteStreams } from './api/remote-process.ts';

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

/** By so many bytes the log is compared with what came. */
const comparedBytes = 256;

/** A process is joined after it began, when it may have printed already: that comes from its log, and once. */
export function joinOutput({ terminal, printed }: JoinOutputOptions): JoinedOutput {
  const { promise: joined, resolve: join } = Promise.withResolvers<void>();
  let waiting: Chunk[] | undefined = [];
  let before = 0;
  let came = 0;
  let first = Buffer.alloc(0);
  const take = (show: Chunk['show']) => (bytes: Uint8Array) => {
    if (waiting) {
      waiting.push({ show, bytes: bytes.slice() });
      return;
    }
    came += bytes.length;
    first = Buffer.concat([first, bytes.subarray(0, comparedBytes - first.length)]);
    show(bytes);
  };
  async function* input(): AsyncGenerator<Uint8Array> {
    join();
    if (terminal.input) yield* terminal.input;
  }
  const read = async () => Buffer.from(await readAll(printed, terminal.isTerminal ? '\r\n' : '\n'));
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
      if (terminal.isTerminal && came > 0) return;
      const log = await read();
      const rest = log.subarray(before);
      const at = came === 0 ? rest.length : rest.indexOf(first);
      if (at > 0 && at + came <= rest.length) terminal.output(rest.subarray(0, at));
    },
  };
}

/** A log holds whole lines, without what ended them. */
async function readAll(printed: () => AsyncIterable<string>, end: string): Promise<string> {
  let text = '';
  try {
    for await (const line of printed()) text += `${line.replace(/\r$/, '')}${end}`;
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
