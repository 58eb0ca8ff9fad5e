import type { RolloutRecord } from '../../../src/core/record.ts';
import type { LoadReport } from '../../../src/load/report.ts';
import type { Loss } from './soak-report.ts';

/** Where the load’s own count, what explains it, and what the records tell do not fit together. */
export function checkLoad(
  { failed, stray }: LoadReport,
  losses: readonly Loss[],
  records: readonly RolloutRecord[],
): readonly string[] {
  const lost = losses.filter(({ by }) => by === undefined);
  return [
    ...lost.map(({ failure }) => `lost: ${JSON.stringify(failure)}`),
    ...(losses.length === failed ? [] : [`${failed} requests failed, and ${losses.length} are told`]),
    ...(stray === 0 ? [] : [`bytes without a request on ${stray} connections`]),
    ...records
      .filter(({ traffic }) => traffic.lost > 0)
      .map(({ id, traffic }) => `by its record rollout ${id} lost ${traffic.lost}`),
  ];
}
