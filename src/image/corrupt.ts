import { UserError } from '../core/errors.ts';

/** The error for bytes that are not what they should be. */
export function corrupt(what: string, trouble: string, cause?: unknown): UserError {
  return new UserError({
    code: 'image_corrupt',
    message: `${what} ${trouble}`,
    hint: 'nothing of it was used; have it written or pushed again, or name another image',
    cause,
  });
}
