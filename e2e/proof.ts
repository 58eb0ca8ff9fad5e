type Size = 'ci' | 'full';

/** `PROOF=full` is for by hand; without it, or by `PROOF=ci`, a test is as small as `./check --all` runs it. */
const size = sizeNamed(process.env.PROOF ?? 'ci');

/** How much of something is tried. */
export function sized<T>(sizes: Readonly<Record<Size, T>>): T {
  return sizes[size];
}

/** CAUSEWAY_SEED replays a run. */
export const seed = Number(process.env.CAUSEWAY_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** What a random test says when it fails. */
export const replays = `CAUSEWAY_SEED=${seed} replays this`;

function sizeNamed(text: string): Size {
  if (text === 'ci' || text === 'full') return text;
  throw new Error(`PROOF is ${text}; write ci or full`);
}
