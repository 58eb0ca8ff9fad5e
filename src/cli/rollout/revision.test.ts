import { expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { parseRevision, readRevision } from './revision.ts';

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
  expect(parseRevision(status).shown).toBe(told);
});

test('the whole commit is known, and whether the tree differs from it', () => {
  expect(parseRevision(head('main', commit))).toMatchObject({ commit, isChanged: false });
  expect(parseRevision(`${head('main', commit)}? new\n`)).toMatchObject({ commit, isChanged: true });
  expect(parseRevision(head('main', '(initial)'))).toEqual({
    shown: 'main without a commit',
    isChanged: false,
  });
});

const noGit = { shown: 'no git', isChanged: false };

test('a folder without a repository, and a machine without git, have no git', async () => {
  expect(await readRevision(tmpdir(), { env: { PATH: process.env.PATH } })).toEqual(noGit);
  expect(await readRevision(tmpdir(), { env: { PATH: '/nowhere' } })).toEqual(noGit);
});
