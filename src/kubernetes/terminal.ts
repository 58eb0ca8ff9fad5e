import { isatty, ReadStream, WriteStream } from 'node:tty';
import type { RemoteStreams, TerminalSize } from './api/remote-process.ts';

/** The terminal that a command runs in, or the pipes that stand for it. */
export interface Terminal extends RemoteStreams, AsyncDisposable {}

const sizeMs = 500;

/** Input and output of this program; of a terminal each key goes to the remote process, Ctrl-C too, until it is disposed. */
export function openTerminal(): Terminal {
  const isTerminal = isatty(0) && isatty(1);
  const ended = new AbortController();
  const keys = isTerminal ? new ReadStream(0) : undefined;
  keys?.setRawMode(true);
  const [output, errors] = [Bun.file(1).writer(), Bun.file(2).writer()];
  return {
    isTerminal,
    input: inputOf(keys, ended.signal),
    output: (chunk) => write(output, chunk),
    errors: (chunk) => write(errors, chunk),
    ...(isTerminal ? { sizes: sizesOf(ended.signal) } : {}),
    async [Symbol.asyncDispose]() {
      ended.abort();
      keys?.setRawMode(false);
      keys?.destroy();
      // A slow reader still gets all of it.
      await Promise.all([output.flush(), errors.flush()]);
    },
  };
}

function write(writer: Bun.FileSink, chunk: Uint8Array): void {
  writer.write(chunk);
  void Promise.resolve(writer.flush()).catch(() => undefined);
}

async function* inputOf(keys: ReadStream | undefined, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (keys) {
    for await (const chunk of keys) yield chunk as Uint8Array;
    return;
  }
  const reader = Bun.stdin.stream().getReader();
  signal.addEventListener('abort', () => void reader.cancel().catch(() => undefined), { once: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** The size now, then as it changes: only the program itself is told of a change, so it is looked up. */
async function* sizesOf(signal: AbortSignal): AsyncGenerator<TerminalSize> {
  let last = '';
  while (!signal.aborted) {
    const { columns, rows } = new WriteStream(1);
    if (`${columns} ${rows}` !== last) yield { columns, rows };
    last = `${columns} ${rows}`;
    await Bun.sleep(sizeMs);
  }
}
