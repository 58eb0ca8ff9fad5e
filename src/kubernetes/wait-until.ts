const pollMs = 250;

/** Whether it came true in that time; asked again and again. */
export async function waitUntil(
  ms: number,
  signal: AbortSignal,
  isTrue: () => Promise<boolean>,
): Promise<boolean> {
  const until = performance.now() + ms;
  while (!(await isTrue())) {
    signal.throwIfAborted();
    if (performance.now() > until) return false;
    await Bun.sleep(pollMs);
  }
  return true;
}
