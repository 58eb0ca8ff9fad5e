import { expect, test } from 'bun:test';
import { makeProgram } from '../program.ts';
import { makeCliPage } from './cli-page.ts';
import { callableOf, nameOf } from './command-tree.ts';
import { guideOf } from './guide.ts';

const commands = callableOf(makeProgram(async () => {}));

test('the page has every command, flag and exit code', () => {
  const page = makeCliPage();

  for (const command of commands) {
    expect(page).toContain(`\n## ${nameOf(command).replace('causeway ', '')}\n`);
    for (const { flags } of command.options) expect(page).toContain(`\`${flags}\``);
  }
  expect(page).toContain('| 130 | interrupted |');
});

test('every command has an example that names it, and says how it ends', () => {
  for (const command of commands) {
    const guide = guideOf(command);
    expect(guide?.examples.length).toBeGreaterThan(0);
    expect(guide?.examples.every(({ command: words }) => words.includes(nameOf(command)))).toBe(true);
    expect(guide?.exits).toContain('done');
  }
});
