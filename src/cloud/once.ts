/** Begun when it is first asked for, and again after it failed. */
export function once<T>(work: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let begun: Promise<T> | undefined;
  return (signal) => {
    begun ??= work(signal).catch((error: unknown) => {
      begun = undefined;
      throw error;
    });
    return begun;
  };
}
