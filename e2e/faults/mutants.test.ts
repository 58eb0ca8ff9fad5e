import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

setDefaultTimeout(120_000);

const repository = join(import.meta.dir, '..', '..');
const folder = join(repository, 'e2e', 'mutants');
/** As much of the tree as the tests of a mutant read. */
const parts = [
  'src',
  'service',
  'agent',
  'e2e',
  'docs',
  'package.json',
  'tsconfig.json',
  'causeway.config.ts',
];

const patches = readdirSync(folder).filter((name) => name.endsWith('.patch'));
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(realpathSync('/tmp'), 'cw-mutants-'));
  for (const part of parts) cpSync(join(repository, part), join(copy, part), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

for (const name of patches) {
  test(`turns a test red: ${name.replace('.patch', '')}`, async () => {
    const path = join(folder, name);
    const { file, red } = readHead(path);
    patch(path);

    const { exitCode, failed, output } = await runTest(file, red);
    patch(path, '--reverse');

    expect({ exitCode, failed }, output).toEqual({ exitCode: 1, failed: [red] });
  });
}

test('a patch that no longer applies is told as that', () => {
  const path = join(copy, 'stale.patch');
  const stale = '--- a/src/core/step.ts\n+++ b/src/core/step.ts\n@@ -1 +1 @@\n-nothing of it\n+else\n';
  writeFileSync(path, `A mutant of long ago.\n\n${stale}`);

  expect(() => patch(path)).toThrow('stale.patch no longer applies; make its change again:\nerror: ');
});

interface Head {
  /** The test file that must turn red. */
  readonly file: string;
  /** The title of the test in it. */
  readonly red: string;
}

function readHead(path: string): Head {
  const [head = ''] = readFileSync(path, 'utf8').split('\n--- ');
  const [file, red] = ['Test', 'Red'].map((word) => new RegExp(`^${word}: (.+)$`, 'm').exec(head)?.[1]);
  if (file === undefined || red === undefined)
    throw new Error(`${path} does not say which test turns red: write Test: <file> and Red: <title>`);
  return { file, red };
}

function patch(path: string, ...flags: readonly string[]): void {
  // Of a repository above it would only change what that tracks.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: join(copy, '..') };
  const { exitCode, stderr } = Bun.spawnSync(['git', 'apply', '--recount', ...flags, path], {
    cwd: copy,
    env,
  });
  if (exitCode !== 0) throw new Error(`${path} no longer applies; make its change again:\n${stderr}`);
}

async function runTest(file: string, title: string) {
  const argv = [process.execPath, 'test', `./${file}`, '--test-name-pattern', `${literally(title)}$`];
  const child = Bun.spawn(argv, { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const output = `${out}\n${err}`;
  const told = [...output.matchAll(/^\(fail\) (?:.* > )?(.+?)(?: \[[\d.]+m?s\])?$/gm)].map(([, one]) => one);
  return { exitCode: child.exitCode, failed: [...new Set(told)], output };
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
