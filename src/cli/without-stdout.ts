import { dlopen } from 'bun:ffi';

/** How many works are under way that must not reach stdout. */
let under = 0;
let restore = () => {};

/**
 * Runs work while whatever is written to stdout goes to stderr: by `console`, which writes natively, by streams, by
 * the descriptor, and by processes that the work starts. Afterwards stdout is as before. What is held back in a
 * buffer until then still reaches stdout, and so does what opens `/dev/tty` or a file of its own.
 */
export async function withoutStdout<T>(work: () => Promise<T>): Promise<T> {
  under += 1;
  if (under === 1) restore = turnAway();
  try {
    return await work();
  } finally {
    under -= 1;
    if (under === 0) restore();
  }
}

/** Puts stderr in the place of stdout; what it returns puts it back. The stream of a pipe has a descriptor of its own. */
function turnAway(): () => void {
  const { stdout, stderr } = process;
  const { write } = stdout;
  stdout.write = stderr.write.bind(stderr) as typeof write;
  const putBack = turnDescriptorAway();
  return () => {
    putBack();
    stdout.write = write;
  };
}

function turnDescriptorAway(): () => void {
  const libc = openLibc();
  if (libc === undefined) return () => {};
  const { symbols, close } = libc;
  const kept = symbols.dup(1);
  if (kept === -1 || symbols.dup2(2, 1) === -1) return close;
  return () => {
    symbols.dup2(kept, 1);
    symbols.close(kept);
    close();
  };
}

/** musl answers to the name of glibc as well. Where a machine forbids it, work prints where it likes. */
function openLibc() {
  try {
    return dlopen(process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6', {
      dup: { args: ['i32'], returns: 'i32' },
      dup2: { args: ['i32', 'i32'], returns: 'i32' },
      close: { args: ['i32'], returns: 'i32' },
    });
  } catch {
    return undefined;
  }
}
