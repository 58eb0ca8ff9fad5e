import { goodReleases } from '../../core/record.ts';
import type { Desired } from '../../core/rollout.ts';
import { readDesired } from '../desired.ts';
import { openHistory, readRelease } from '../history.ts';
import type { Paths } from '../paths.ts';
import { isStored } from '../store.ts';

/**
 * What an earlier supervisor was to run. Where that file is damaged, or lost before a
 * restart, the last release that was found good
 * and is still kept serves again; its secrets are lost with the file, and come back with the next `up`.
 */
export async function recoverDesired(
  paths: Paths,
  { isRestart, log }: { isRestart: boolean; log: (event: string, details?: object) => void },
): Promise<Desired> {
  const found = readDesired(paths);
  if (typeof found === 'object') return found;
  if (found === 'missing' && !isRestart) return { replicas: 1 };
  const records = await openHistory(paths).list();
  for (const id of goodReleases(records)) {
    const release = readRelease(paths, id);
    if (!release || !isStored(paths, release)) continue;
    log('desired state was lost; the last good release serves again', { release: id });
    return { replicas: 2, stable: { release } };
  }
  log('desired state was lost, and no good release is kept');
  return { replicas: 1 };
}
