/** A series of measurements of one thing, in milliseconds. */
export interface Sample {
  readonly ms: readonly number[];
}

/** Measures something so many times, one after the other. */
export async function sample(times: number, measure: (round: number) => Promise<number>): Promise<Sample> {
  const ms: number[] = [];
  for (let round = 0; round < times; round += 1) ms.push(await measure(round));
  return { ms };
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

export function median({ ms }: Sample): number {
  const sorted = [...ms].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** `36 ms (31–52, 10 rounds)` */
export function showSample(measured: Sample): string {
  const { ms } = measured;
  const [least, most] = [Math.min(...ms), Math.max(...ms)];
  const rounds = `${ms.length} ${ms.length === 1 ? 'round' : 'rounds'}`;
  return `${show(median(measured))} (${show(least)}–${show(most)}, ${rounds})`;
}

function show(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
