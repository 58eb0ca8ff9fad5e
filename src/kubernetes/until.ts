/** For tests: looks until it holds; throws what never did. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  do {
    await Bun.sleep(5);
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
  } while (!holds());
}
