import { expect, test } from 'bun:test';
import { table } from './table.ts';

test('a table is Markdown, whatever its cells hold', () => {
  expect(
    table(
      ['server', 'a second'],
      [
        ['nginx', '121,056'],
        ['a|b\nc', '1'],
      ],
    ),
  ).toBe(['| server | a second |', '| --- | --: |', '| nginx | 121,056 |', '| a\\|b c | 1 |'].join('\n'));
});
