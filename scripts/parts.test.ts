import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { findGaps } from './parts/find-gaps.ts';

const root = join(import.meta.dir, '..');

test('each command is listed, has a test and a row in the README; each fixture says what it breaks, has a row and a test, and is rolled out', () => {
  const paths = ['src/cli/commands/**/*', 'e2e/**/*']
    .flatMap((pattern) => [...new Glob(pattern).scanSync(root)])
    .filter((path) => !/(^|\/)(node_modules|__pycache__)\//.test(path));

  expect(paths.length).toBeGreaterThan(100);
  expect(findGaps({ paths, textOf: (path) => readFileSync(join(root, path), 'utf8') })).toEqual([]);
});

/** A repository of one command and one fixture that lack nothing. */
const whole = {
  'README.md': '| `greet [env]` | greets |',
  'src/cli/program.ts': `import { greetCommand } from './commands/greet/command.ts';`,
  'src/cli/commands/greet/command.ts': '',
  'src/cli/commands/greet/greet.test.ts': '',
  'e2e/fixtures/README.md': '\n| `sleeps.ts` | sleeps | hung |',
  'e2e/fixtures/fixtures.test.ts': `start('sleeps.ts')`,
  'e2e/fixtures/sleeps.ts': '// Breaks "it answers": sleeps.',
  'e2e/local/rollouts.test.ts': `{ does: 'sleeps.ts' }`,
};

test('what lacks nothing has no gap', () => {
  expect(gapsOf({})).toEqual([]);
  expect(
    gapsOf({
      'README.md': 'See it:\n| `greet` · `image build` | greets · builds |',
      'src/cli/program.ts': `'./commands/greet/command.ts' './commands/image/command.ts'`,
      'src/cli/commands/image/command.ts': '',
      'src/cli/commands/image/build/command.ts': '',
      'src/cli/commands/image/build/build.test.ts': '',
    }),
  ).toEqual([]);
});

const wrong: readonly [Partial<Record<keyof typeof whole, string | undefined>>, string][] = [
  [{ 'src/cli/program.ts': '' }, 'src/cli/program.ts does not list the command of src/cli/commands/greet/'],
  [{ 'src/cli/commands/greet/greet.test.ts': undefined }, 'src/cli/commands/greet/ has no test beside it'],
  [
    {
      'src/cli/program.ts': `${whole['src/cli/program.ts']}\nimport { byeCommand } from './commands/bye.ts';`,
    },
    'src/cli/program.ts has byeCommand from ./commands/bye.ts: a command is src/cli/commands/<verb>/command.ts, its test beside it',
  ],
  [{ 'README.md': '| `greetings` |' }, 'README.md has no row for `greet` in its table of commands'],
  [
    { 'README.md': '`greet` greets.\n| `up` | after `greet` |' },
    'README.md has no row for `greet` in its table of commands',
  ],
  [
    { 'e2e/fixtures/sleeps.ts': 'export {};' },
    'e2e/fixtures/sleeps.ts does not say in its first line which promise it breaks: // Breaks "it answers": …',
  ],
  [{ 'e2e/fixtures/README.md': 'sleeps.ts' }, 'e2e/fixtures/README.md has no row for sleeps.ts'],
  [
    { 'e2e/fixtures/fixtures.test.ts': '' },
    'e2e/fixtures/fixtures.test.ts does not see that sleeps.ts does what it says',
  ],
  [
    { 'e2e/local/rollouts.test.ts': '' },
    'no test of e2e rolls sleeps.ts out: e2e/local/rollouts.test.ts has the story',
  ],
  [
    {
      'e2e/local/rollouts.test.ts': "// 'sleeps.ts' comes later\n['oversleeps.ts'] // and so does sleeps.ts",
    },
    'no test of e2e rolls sleeps.ts out: e2e/local/rollouts.test.ts has the story',
  ],
];
for (const [change, gap] of wrong) {
  test(`it is a gap when ${gap}`, () => {
    expect(gapsOf(change)).toEqual([gap]);
  });
}

function gapsOf(change: Readonly<Record<string, string | undefined>>): readonly string[] {
  const files = Object.entries({ ...whole, ...change }).filter(([, text]) => text !== undefined);
  const texts = new Map(files);
  return findGaps({ paths: [...texts.keys()], textOf: (path) => texts.get(path) ?? '' });
}
