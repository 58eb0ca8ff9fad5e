import type { StruckFault } from './faults.ts';
import type { FaultKind } from './plan.ts';
import type { Attempt } from './soak-report.ts';

/** Why a command should have done its work; undefined: it did, or a fault explains that it did not. */
export function whyNotDone(
  { exitCode, from, until, record }: Attempt,
  faults: readonly StruckFault[],
): string | undefined {
  if (exitCode === null) return undefined;
  const meanwhile = faults.filter((fault) => fault.until >= from && fault.at <= until);
  const verdict = record?.verdict;
  const hasNoImage = verdict?.kind === 'failed' && verdict.cause === 'image';
  if (hasNoImage && meanwhile.some(({ kind }) => kind === 'registry away')) return undefined;
  if (exitCode === 3)
    return meanwhile.some(({ isKill }) => isKill) ? undefined : 'a good release was taken back';
  const isAway = meanwhile.some(({ kind }) => partsAway.has(kind));
  return isAway ? undefined : `it ended with ${exitCode}, though all was there`;
}

/** Without these a command may end without having done its work. */
const partsAway: ReadonlySet<FaultKind> = new Set(['API server away', 'etcd restarted', 'registry away']);
