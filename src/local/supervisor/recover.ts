import { goodReleases } from '../../core/record.ts';
import type { Desired } from '../../core/rollout.ts';
import { readDesired } from '../desired.ts';
import { openHistory, readRelease } from '../history.ts';
import type { Paths } from '../paths.ts';
import { isStored } from '../store.ts';

/**
 * What an earlier supervisor was to run. Where that file is damaged, the last release that was found good
 * and is still kept serves again; its secrets are lost with the file, and come back with the next `up`.
 */
export async function recoverDesired(
  paths: Paths,
  log: (event: string, details?: object) => void,
): Promise<Desired> {
  const found = readDesired(paths);
  if (found === 'missing') return { replicas: 1 };
  if (found !== 'damaged') return found;
  const records = await openHistory(paths).list();
  for (const id of goodReleases(records)) {
    const release = readRelease(paths, id);
    if (!release || !isStored(paths, release)) continue;
    log('desired state was damaged; the last good release serves again', { release: id });
    return { replicas: 2, stable: { release } };
  }
  log('desired state was damaged, and no good release is kept');
  return { replicas: 1 };
}
