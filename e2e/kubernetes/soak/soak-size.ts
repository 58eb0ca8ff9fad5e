import type { SoakOptions } from './soak.ts';

type Size = Pick<SoakOptions, 'rounds' | 'faultsPerRound' | 'requests' | 'scale' | 'everyMs'>;

/** Small in the tier, whole by `PROOF=full` and the bench. */
export const soakSizes: Readonly<Record<'ci' | 'full', Size>> = {
  ci: { rounds: 3, faultsPerRound: 2, requests: 3_000, scale: 0.3, everyMs: 0 },
  full: { rounds: 30, faultsPerRound: 2, requests: 200_000, scale: 0.55, everyMs: 20_000 },
};
