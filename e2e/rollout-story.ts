import type { RolloutRecord } from '../src/core/record.ts';
import type { Cause as ErrorCause, LoadReport } from '../src/load/report.ts';

/** A verdict in one word. */
export function causeOf(verdict: RolloutRecord['verdict']): string {
  return verdict.kind === 'good' ? 'good' : verdict.cause;
}

/** How many requests failed, by cause; those that did not happen are left out. */
export function failuresBetween(before: LoadReport, after: LoadReport): Record<string, number> {
  const counts = Object.entries(after.causes).map(
    ([cause, count]) => [cause, count - before.causes[cause as ErrorCause]] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
