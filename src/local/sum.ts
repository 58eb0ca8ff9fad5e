import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/release.ts';

/** Kept beside what is stored: a bit that flipped on the disk may leave JSON of the right shape. */
export function sumOf(content: object): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 16);
}
