import { expect, test } from 'bun:test';
import { makeProgram } from '../program.ts';
import { makeCliPage } from './cli-page.ts';
import { guideOf } from './guide.ts';

const program = makeProgram(async () => {});

test('the page has every command, flag and exit code', () => {
  const page = makeCliPage();

  for (const command of program.commands) {
    expect(page).toContain(`\n## ${command.name()}\n`);
    for (const { flags } of command.options) expect(page).toContain(`\`${flags}\``);
  }
  expect(page).toContain('| 130 | interrupted |');
});

test('every command has an example that names it, and says how it ends', () => {
  for (const command of program.commands) {
    const guide = guideOf(command);
    expect(guide?.examples.length).toBeGreaterThan(0);
    expect(guide?.examples.every(({ command: words }) => words.includes(`causeway ${command.name()}`))).toBe(
      true,
    );
    expect(guide?.exits).toContain('done');
  }
});
