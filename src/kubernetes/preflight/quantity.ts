const scales: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Kubernetes' quantities, of which the API has many spellings, in thousandths: whole numbers add up exactly. */
export function toMilli(quantity: string | number | undefined): number {
  if (quantity === undefined) return 0;
  const [, number, unit = ''] =
    /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(String(quantity)) ?? [];
  return Math.ceil(Number(number ?? 0) * (scales[unit] ?? 1) * 1000);
}

/** CPUs as people write them: `250m`, `1.5`. */
export function showCpu(milli: number): string {
  return milli % 1000 === 0 ? String(milli / 1000) : milli < 1000 ? `${milli}m` : String(milli / 1000);
}

/** Memory as people write it: `256Mi`, `1.5Gi`. */
export function showMemory(milli: number): string {
  const mebi = milli / 1000 / 2 ** 20;
  const [size, unit] = mebi >= 1024 ? [mebi / 1024, 'Gi'] : [mebi, 'Mi'];
  return `${Math.round(size * 10) / 10}${unit}`;
}
