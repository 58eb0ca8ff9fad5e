import { expect, test } from 'bun:test';
import { countTests } from './count-tests.ts';

test.each([
  ['bun', ' 14 pass\n 0 fail\n 31 expect() calls\nRan 14 tests across 3 files. [12.00ms]', 14],
  ['jest', 'Tests:       1 skipped, 14 passed, 15 total', 14],
  ['vitest', ' Test Files  2 passed (2)\n      Tests  14 passed (14)', 14],
  ['pytest', '========= 14 passed, 1 warning in 0.12s =========', 14],
  ['pytest -q', '14 passed in 0.01s', 14],
  ['cargo', 'test result: ok. 10 passed; 0 failed;\n\ntest result: ok. 4 passed; 0 failed;', 14],
  ['mocha', '  14 passing (8ms)', 14],
  ['node:test', '# tests 14\n# pass 14\n# fail 0', 14],
  ['node:test on a terminal', 'ℹ pass 14', 14],
  ['unittest', 'Ran 14 tests in 0.001s\n\nOK', 14],
  ['check', '14 passed, 0 failed', 14],
  ['colours', '\x1b[32m 14 pass\x1b[0m', 14],
  ['a shell script', 'all good', undefined],
])('%s’s closing line is read', (_, output, count) => {
  expect(countTests(output)).toBe(count);
});
