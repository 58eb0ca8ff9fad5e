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

/** Whose template the Deployment has, and how far it goes; undefined: there is no Deployment. */
export function chosenBy({ stable, candidate }: Desired): Chosen | undefined {
  if (!candidate || candidate.size === 'none') return stable && { running: stable, gate: 'open' };
  const { size, ...running } = candidate;
  return { running, gate: stable ? size : 'open' };
}
