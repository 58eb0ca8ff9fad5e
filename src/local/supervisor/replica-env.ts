import { type Release, shortId } from '../../core/release.ts';
import type { Paths } from '../paths.ts';
import { readSecrets } from '../store.ts';

/** The variables that a replica of a release is given whatever runs it, except for its address. */
export function replicaEnv(
  paths: Paths,
  release: Release,
  secretSet: string | undefined,
): Readonly<Record<string, string>> {
  return {
    // The front door sends nothing new to a replica before SIGTERM, so it need not go on accepting.
    DRAIN_SECONDS: '0',
    SHUTDOWN_DEADLINE_SECONDS: '1',
    RELEASE: shortId(release.id),
    ...release.settings.env,
    ...readSecrets(paths, secretSet),
  };
}
