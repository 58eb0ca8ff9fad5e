import { expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { describeRevision, readRevision } from './revision.ts';

const head = (name: string, commit: string) => `# branch.oid ${commit}\n# branch.head ${name}\n`;
const commit = '4be21c0aa51bd1a4ed82e23ab61f7e3b02a1b9cd';

test.each([
  ['a clean branch', head('main', commit), 'main@4be21c0'],
  [
    'one changed file',
    `${head('main', commit)}1 .M N... 100644 100644 100644 a b src/x.ts\n`,
    'main@4be21c0 and 1 changed file',
  ],
  [
    'an untracked file as well',
    `${head('main', commit)}1 .M N... a b x\n? new\n`,
    'main@4be21c0 and 2 changed files',
  ],
  ['no branch', head('(detached)', commit), '4be21c0'],
  ['no commit', `${head('main', '(initial)')}? new\n`, 'main without a commit and 1 changed file'],
])('%s is told', (_, status, told) => {
  expect(describeRevision(status)).toBe(told);
});

test('a folder without a repository, and a machine without git, have no git', async () => {
  expect(await readRevision(tmpdir(), { env: { PATH: process.env.PATH } })).toBe('no git');
  expect(await readRevision(tmpdir(), { env: { PATH: '/nowhere' } })).toBe('no git');
});
