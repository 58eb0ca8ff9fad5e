import { UserError } from '../../core/errors.ts';
import type { Chosen } from '../choose-environment.ts';

/** Refuses a working tree where images alone are taken: a tree has no signature, it is signed when it is pushed. */
export function refuseUnsignedTree({
  environmentConfig,
  name,
}: Pick<Chosen, 'environmentConfig' | 'name'>): void {
  if (!environmentConfig.signed) return;
  throw new UserError({
    code: 'image_unverified',
    message: `${name} takes signed images alone, and what is in a working tree is not signed`,
    hint: `causeway image push, then causeway up ${name} --image with what it prints`,
  });
}
