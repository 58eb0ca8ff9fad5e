import type { Desired, Running } from '../../core/rollout.ts';

/**
 * How far a Deployment goes to another template: `one` replica beside all that there are, `all` of them beside those,
 * or, `open`, instead of those.
 */
export type Gate = 'open' | 'one' | 'all';

export interface Chosen {
  readonly running: Running;
  readonly gate: Gate;
}

/**
 * Whose template the Deployment has, and how far it goes; undefined: there is no Deployment. Where there is no room for
 * all of them beside the stable ones, a candidate that passed its first watch takes their places.
 */
export function chosenBy({ stable, candidate, surge }: Desired): Chosen | undefined {
  if (!candidate || candidate.size === 'none') return stable && { running: stable, gate: 'open' };
  const { size, ...running } = candidate;
  const isBeside = stable !== undefined && (size === 'one' || surge === undefined);
  return { running, gate: isBeside ? size : 'open' };
}
