import { UserError } from '../../core/errors.ts';
import { type Pause, wait } from '../registry/tries.ts';

const mostRounds = 8;
const firstPauseMs = 60;
const longestPauseMs = 1_000;

/**
 * A list that is read, added to and written is lost where somebody else does the same at the time, and no registry
 * can prevent it. So it is looked at again after a while, and written again, until all is there.
 */
export async function settle({
  name,
  isThere,
  pause = wait,
  signal,
}: {
  /** What is written to, for people. */
  readonly name: string;
  /** Whether all was there; what was not was written again. */
  isThere(): Promise<boolean>;
  readonly pause?: Pause | undefined;
  readonly signal: AbortSignal;
}): Promise<void> {
  for (let round = 0; round < mostRounds; round += 1) {
    const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** round);
    await pause(Math.round(longest * (1 + Math.random())), signal);
    if (await isThere()) return;
  }
  throw new UserError({
    code: 'registry_unreachable',
    message: `${name} does not keep what is attached to the image: it was gone again after each of ${mostRounds} tries`,
    hint: 'run the same command again when nobody else pushes this image',
  });
}
