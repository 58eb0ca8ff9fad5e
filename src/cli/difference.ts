import type { Difference } from '../core/difference.ts';
import { printable } from './terminal/printable.ts';

/** `Deployment/shop spec.replicas: 3, and shall be 2`. */
export function showDifference({ object, field, wanted, found }: Difference): string {
  if (field !== undefined)
    return printable(`${object} ${field}: ${show(found)}, and shall be ${show(wanted)}`);
  return printable(isThere(found) ? `${object} is one too many` : `${object} is missing`);
}

/** The same as what is going to be: `Deployment/shop spec.replicas: 3 → 2`. */
export function showChange({ object, field, wanted, found }: Difference): string {
  if (field !== undefined) return `${object} ${field}: ${show(found)} → ${show(wanted)}`;
  return `${object} would be ${isThere(found) ? 'removed' : 'made'}`;
}

/** The same as what was done: `Deployment/shop spec.replicas: 3 → 2`. */
export function showMended(difference: Difference): string {
  if (difference.field !== undefined) return showChange(difference);
  return `${difference.object} was ${isThere(difference.found) ? 'removed' : 'made again'}`;
}

/** JSON has no undefined: what is missing is null. */
export function toDifferenceJson({ object, field, wanted, found }: Difference) {
  return {
    object,
    ...(field === undefined ? {} : { field }),
    wanted: wanted ?? null,
    found: found ?? null,
  };
}

/** In JSON, what is missing is null. */
function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function show(value: unknown): string {
  if (!isThere(value)) return 'none';
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}
