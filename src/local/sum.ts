import { canonicalJson } from '../core/release.ts';
import { sha256 } from '../core/sha256.ts';

/** Kept beside what is stored: a bit that flipped on the disk may leave JSON of the right shape. */
export function sumOf(content: object): string {
  return sha256(canonicalJson(content)).slice(0, 16);
}
