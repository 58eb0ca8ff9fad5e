import type { Release } from '../../core/release.ts';
import type { Running } from '../../core/rollout.ts';

/**
 * The secret set that a release would be run with beside this stable one, as long as no value changes. A service without
 * secrets has an empty one once it was rolled out with `--again`, and keeps it.
 */
export function nextSecretSet(release: Release, stable: Running | undefined): string | undefined {
  const needs = ({ settings }: Release) => settings.secrets.length > 0;
  return stable && needs(release) === needs(stable.release) ? stable.secretSet : undefined;
}
