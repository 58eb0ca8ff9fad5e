const pauseMs = 3_000;

/** Waits for Enter on a terminal, else three seconds; no longer than until the signal. */
export function pause(stdin: NodeJS.ReadStream, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = stdin.isTTY ? undefined : setTimeout(end, pauseMs);
  if (stdin.isTTY) {
    // A terminal that is gone is not waited for.
    for (const event of ['data', 'end', 'error']) stdin.once(event, end);
    stdin.resume();
  }
  signal.addEventListener('abort', end);
  return promise;

  function end(): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    for (const event of ['data', 'end', 'error']) stdin.off(event, end);
    if (stdin.isTTY) stdin.pause();
    resolve();
  }
}
