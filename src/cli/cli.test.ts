import { expect, test } from 'bun:test';
import type { Result } from './cli.ts';

test('lines for people without a document for --json are refused by the types', () => {
  // @ts-expect-error With --json they would stand on stdout as they are.
  const result: Result = { lines: ['up for 3 s'] };

  expect(result.json).toBeUndefined();
});
