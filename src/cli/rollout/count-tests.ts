import { stripEscapes } from '../terminal/style.ts';

/** The closing lines of test runners, each with the number of tests that passed. */
const closings: readonly RegExp[] = [
  /^\s*(\d+) pass$/gm, // bun test
  /^Tests:.*?(\d+) passed/gm, // jest
  /^\s*Tests\s+(?:.*\| )?(\d+) passed/gm, // vitest
  /^=+ .*?(\d+) passed.* in [\d.]+s.* =+$/gm, // pytest
  /^(\d+) passed.* in [\d.]+s/gm, // pytest -q
  /^test result: ok\. (\d+) passed/gm, // cargo, once for each crate
  /^\s*(\d+) passing/gm, // mocha
  /^[#ℹ] pass (\d+)$/gm, // node:test
  /^Ran (\d+) tests? in /gm, // unittest
  /^(\d+) passed, \d+ failed$/gm, // ./check
];

/** How many tests a successful run tells of, for display alone. */
export function countTests(output: string): number | undefined {
  const text = stripEscapes(output).replaceAll('\r\n', '\n');
  for (const closing of closings) {
    const counts = [...text.matchAll(closing)].map(([, count]) => Number(count));
    if (counts.length > 0) return counts.reduce((sum, count) => sum + count, 0);
  }
  return undefined;
}
