import { UserError } from '../../../src/core/errors.ts';

/** Nothing where one may not ask: a refusal says nothing about what was asked for. */
export async function orUnknown<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UserError && error.code === 'cloud_refused') return undefined;
    throw error;
  }
}
