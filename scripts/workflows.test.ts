import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Glob } from 'bun';
import { findFaults } from './workflows/rules.ts';

const root = join(import.meta.dir, '..');

test('every workflow begins without rights, ends in time, pins its actions, and gives pull requests nothing', async () => {
  const files = await list('.github/workflows/*.yml');

  const faults = await Promise.all(files.map(async (file) => [file, findFaults(await read(file))] as const));

  expect(files.length).toBeGreaterThan(3);
  expect(faults.filter(([, found]) => found.length > 0)).toEqual([]);
});

test('a good workflow has no fault', async () => {
  expect(findFaults(await read('e2e/workflows/fixtures/good.yml'))).toEqual([]);
});

const wrong: readonly [string, string][] = [
  ['pull-request-target', 'pull_request_target runs with credentials what strangers wrote'],
  ['unpinned-action', 'actions/checkout@v7 is not pinned by commit with its version beside it'],
  [
    'pinned-without-version',
    'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 is not pinned by commit with its version beside it',
  ],
  ['secret-for-pull-requests', 'it names a secret'],
  ['token-for-pull-requests', 'job one has id-token: write'],
  ['environment-for-pull-requests', 'job one has an environment'],
  ['no-time-limit', 'job one has no timeout-minutes'],
  ['every-right', 'the workflow does not begin with permissions: {}'],
  ['rights-for-all-jobs', 'the workflow does not begin with permissions: {}'],
];
for (const [name, fault] of wrong) {
  test(`${name}.yml is refused: ${fault}`, async () => {
    expect(findFaults(await read(`e2e/workflows/fixtures/${name}.yml`))).toEqual([fault]);
  });
}

test('CODEOWNERS names paths that are there', async () => {
  const paths = [...(await read('.github/CODEOWNERS')).matchAll(/^(\/\S+)/gm)].map(([, path = '']) => path);

  expect(paths.length).toBeGreaterThan(3);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('every lockfile is looked after by Dependabot', async () => {
  const { updates } = Bun.YAML.parse(await read('.github/dependabot.yml')) as {
    readonly updates: readonly { 'package-ecosystem': string; directory?: string; directories?: string[] }[];
  };
  const configured = updates.flatMap(({ 'package-ecosystem': kind, directory, directories }) =>
    (directories ?? [directory]).map((folder) => `${kind} ${folder}`),
  );

  const locked = [
    ...(await foldersOf('**/package-lock.json')).map((folder) => `npm ${folder}`),
    ...(await foldersOf('**/go.mod')).map((folder) => `gomod ${folder}`),
    ...(await foldersOf('**/requirements.txt')).map((folder) => `pip ${folder}`),
    'github-actions /',
  ];
  expect(configured.toSorted()).toEqual(locked.toSorted());
});

async function foldersOf(pattern: string): Promise<readonly string[]> {
  return (await list(pattern)).map((file) => join('/', dirname(file)));
}

/** Of the repository's own files. */
async function list(pattern: string): Promise<readonly string[]> {
  const found = await Array.fromAsync(new Glob(pattern).scan({ cwd: root, dot: true }));
  return found.filter((file) => !/(^|\/)(node_modules|\.git)\//.test(file)).sort();
}

function read(file: string): Promise<string> {
  return Bun.file(join(root, file)).text();
}
