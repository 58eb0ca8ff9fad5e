type Size = 'ci' | 'full';

/** `PROOF=full` is for by hand, `PROOF=ci` what `./check --all` runs. */
const named = sizeNamed(process.env.PROOF);

/** How much of something is tried; `unnamed` is the size where PROOF says none. */
export function sized<T>(sizes: Readonly<Record<Size, T>>, unnamed: Size = 'ci'): T {
  return sizes[named ?? unnamed];
}

/** CAUSEWAY_SEED replays a run. */
export const seed = Number(process.env.CAUSEWAY_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** What a random test says when it fails. */
export const replays = `CAUSEWAY_SEED=${seed} replays this`;

/** One of them. */
export function pick<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

function sizeNamed(text: string | undefined): Size | undefined {
  if (text === undefined || text === 'ci' || text === 'full') return text;
  throw new Error(`PROOF is ${text}; write ci or full`);
}
