import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch, listMutants } from '../mutants/mutants.ts';

setDefaultTimeout(120_000);

const repository = join(import.meta.dir, '..', '..');
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

let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(realpathSync('/tmp'), 'cw-mutants-'));
  for (const part of parts) cpSync(join(repository, part), join(copy, part), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, 'tmp'));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

for (const { name, path, file, red } of listMutants()) {
  test(`turns a test red: ${name}`, async () => {
    applyPatch(path, copy);

    const { exitCode, failed, output } = await runTest(file, red);
    applyPatch(path, copy, '--reverse');

    expect({ exitCode, failed }, output).toEqual({ exitCode: 1, failed: [red] });
  });
}

test('a patch that no longer applies is told as that', () => {
  const path = join(copy, 'stale.patch');
  const stale = '--- a/src/core/step.ts\n+++ b/src/core/step.ts\n@@ -1 +1 @@\n-nothing of it\n+else\n';
  writeFileSync(path, `A mutant of long ago.\n\n${stale}`);

  expect(() => applyPatch(path, copy)).toThrow(
    'stale.patch no longer applies; make its change again:\nerror: ',
  );
});

async function runTest(file: string, title: string) {
  const argv = [process.execPath, 'test', `./${file}`, '--test-name-pattern', `${literally(title)}$`];
  // What a broken supervisor writes after its test goes with the copy.
  const env = { ...process.env, TMPDIR: join(copy, 'tmp') };
  const child = Bun.spawn(argv, { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const output = `${out}\n${err}`;
  const told = [...output.matchAll(/^\(fail\) (?:.* > )?(.+?)(?: \[[\d.]+m?s\])?$/gm)].map(([, one]) => one);
  return { exitCode: child.exitCode, failed: [...new Set(told)], output };
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
