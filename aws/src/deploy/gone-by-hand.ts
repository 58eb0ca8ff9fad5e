import { UserError } from '../../../src/core/errors.ts';
import { namesOf, type Place } from '../stacks/names.ts';

/** CloudFormation does not make again what somebody deleted behind its back. */
export function goneByHand(place: Place, things: readonly string[]): UserError {
  const { environment } = place;
  return new UserError({
    code: 'cloud_failed',
    message: `${things.join(', ')} ${things.length === 1 ? 'is' : 'are'} gone, and its stack ${namesOf(place).stack} still stands: somebody deleted ${things.length === 1 ? 'it' : 'them'} by hand`,
    hint: `causeway down ${environment} takes the rest away; then causeway up ${environment} makes it anew`,
  });
}
