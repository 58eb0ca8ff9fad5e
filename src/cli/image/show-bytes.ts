const units = ['kB', 'MB', 'GB'] as const;

/** `812 B`, `12 kB`, `51.0 MB`: powers of 1000, as registries count. */
export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  const digits = power === 1 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[power - 1]}`;
}
