import { UserError } from '../core/errors.ts';
import { type Desired, desiredSchema } from '../core/rollout.ts';
import { readIfThere, writeDurably } from './durable.ts';
import { parseJson } from './json.ts';
import type { Paths } from './paths.ts';
import { sumOf } from './sum.ts';

const schemaVersion = 1;

/** What was desired when it was last stored; nothing where that is missing or damaged. Throws `state_corrupt`. */
export function readDesired(paths: Paths): Desired | 'missing' | 'damaged' {
  const text = readIfThere(paths.desired);
  if (text === undefined) return 'missing';
  const stored = parseJson(text);
  if (!isStored(stored)) return 'damaged';
  const { schemaVersion: version, sum, ...rest } = stored;
  // Of every version, those to come too, it is the sum of the rest: the version may be what was damaged.
  if (sum !== undefined && sum !== sumOf({ schemaVersion: version, ...rest })) return 'damaged';
  if (version > schemaVersion) throw newerError(paths.desired, version);
  const desired = desiredSchema.safeParse(rest);
  return desired.success ? desired.data : 'damaged';
}

export function writeDesired(paths: Paths, desired: Desired): void {
  const stored = { schemaVersion, ...desired };
  writeDurably(paths.desired, JSON.stringify({ sum: sumOf(stored), ...stored }));
}

function isStored(value: unknown): value is { readonly schemaVersion: number; readonly sum?: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'schemaVersion' in value &&
    Number.isInteger(value.schemaVersion)
  );
}

/** To read it as damaged would make an older release serve. */
function newerError(path: string, version: number): UserError {
  return new UserError({
    code: 'state_corrupt',
    message: `${path} has schema version ${version}, and this Causeway knows ${schemaVersion}`,
    hint: 'use the Causeway that wrote it, or a newer one',
  });
}
