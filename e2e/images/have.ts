import { test } from 'bun:test';
import { wordsOf } from '../../src/core/words-of.ts';

/**
 * A part that tests need and this machine may lack. Where it cannot be had, a skipped test stands for them,
 * and the tier's line says why; in CI that is a failure.
 */
export async function have<Part>(what: string, get: () => Promise<Part>): Promise<Part | undefined> {
  try {
    return await get();
  } catch (error) {
    const why = wordsOf(error);
    if (process.env.CI) throw new Error(`${what} cannot be had: ${why}`, { cause: error });
    console.log(`skipped: what needs ${what}: ${why.split('\n')[0]}`);
    test.skip(`what needs ${what}`, () => {});
    return undefined;
  }
}
