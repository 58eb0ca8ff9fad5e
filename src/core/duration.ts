const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** How durations are written in the config: `'500ms'`, `'2s'`, `'1.5m'`, `'8h'`. */
export type Duration = `${number}${keyof typeof unitMs}`;

export function toMs(duration: Duration): number {
  const [, number, unit] = /^([^a-z]+)(ms|s|m|h|d)$/.exec(duration) ?? [];
  return Math.round(Number(number) * unitMs[(unit ?? 'ms') as keyof typeof unitMs]);
}

/** What people read: `36 ms`, `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function showMs(ms: number): string {
  if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}
