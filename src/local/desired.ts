import { type Desired, desiredSchema } from '../core/rollout.ts';
import { readIfThere } from './durable.ts';
import { parseJson } from './json.ts';
import type { Paths } from './paths.ts';

/** What was desired when it was last stored; nothing where that is missing or damaged. */
export function readDesired(paths: Paths): Desired | 'missing' | 'damaged' {
  const text = readIfThere(paths.desired);
  if (text === undefined) return 'missing';
  const desired = desiredSchema.safeParse(parseJson(text));
  return desired.success ? desired.data : 'damaged';
}
