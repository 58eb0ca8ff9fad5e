import { UserError } from '../../core/errors.ts';

/** The error for bytes that are not what they should be. */
export function corrupt(what: string, how: string): UserError {
  return new UserError({
    code: 'image_corrupt',
    message: `${what} ${how}`,
    hint: 'it was not used; have it pushed again, or name another image',
  });
}
