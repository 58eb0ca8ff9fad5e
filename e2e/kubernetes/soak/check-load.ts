import type { RolloutRecord } from '../../../src/core/record.ts';
import type { LoadReport } from '../../../src/load/report.ts';
import { outageNear } from './explain.ts';
import type { StruckFault } from './faults.ts';
import type { Loss } from './soak-report.ts';

/** Where the load’s own count, what explains it, and what the records tell do not fit together. */
export function checkLoad(
  { failed, stray }: LoadReport,
  losses: readonly Loss[],
  {
    records,
    faults,
  }: { readonly records: readonly RolloutRecord[]; readonly faults: readonly StruckFault[] },
): readonly string[] {
  const lost = losses.filter(({ by }) => by === undefined);
  return [
    ...lost.map(({ failure }) => `lost: ${JSON.stringify(failure)}`),
    ...(losses.length === failed ? [] : [`${failed} requests failed, and ${losses.length} are told`]),
    ...(stray === 0 ? [] : [`bytes without a request on ${stray} connections`]),
    ...records
      .filter((record) => record.traffic.lost > 0 && !isNearOutage(record, faults))
      .map(({ id, traffic }) => `by its record rollout ${id} lost ${traffic.lost}`),
  ];
}

/**
 * It began after an outage of the API, or was over before routes were back for certain: what its agent counts as lost may
 * have been led to a replica that had left. One that was under way is held until they are back: decision 27.
 */
export function isNearOutage({ startedAt, endedAt }: RolloutRecord, faults: readonly StruckFault[]): boolean {
  return [startedAt, endedAt].some((at) => outageNear(faults, { from: at, until: at }) !== undefined);
}
