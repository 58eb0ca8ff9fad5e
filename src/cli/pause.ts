const pauseMs = 3_000;

/** Waits for Enter on a terminal, else three seconds; no longer than until the signal. Whether Enter was typed. */
export function pause(stdin: NodeJS.ReadStream, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = stdin.isTTY ? undefined : setTimeout(end, pauseMs);
  if (stdin.isTTY) {
    // A terminal that is gone is not waited for.
    for (const event of ['end', 'error']) stdin.once(event, end);
    stdin.once('data', entered);
    stdin.resume();
  }
  signal.addEventListener('abort', end);
  return promise;

  function entered(): void {
    resolve(true);
    end();
  }

  function end(): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    for (const event of ['end', 'error']) stdin.off(event, end);
    stdin.off('data', entered);
    if (stdin.isTTY) stdin.pause();
    resolve(false);
  }
}
