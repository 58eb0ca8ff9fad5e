import { UserError } from '../../core/errors.ts';

const damage: readonly string[] = ['image_corrupt', 'image_not_found'];

/** Damage is told of; all else (no network, no right to read) says nothing about the image, and ends the reading. */
export async function tolerate<T>(reading: Promise<T>): Promise<T | UserError> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof UserError && damage.includes(error.code)) return error;
    throw error;
  }
}
