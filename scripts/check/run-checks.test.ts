import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { close, runChecks } from './run-checks.ts';
import type { Step } from './steps.ts';

const bun = process.execPath;
let root = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'causeway check '));
  const files = {
    'good.test.ts': `import { test } from 'bun:test'; test('a', () => {}); test('b', () => {}); test.skip('c', () => {});`,
    'lacking.test.ts': `import { test } from 'bun:test'; console.log('skipped: what needs a moon: it is day'); test('a', () => {}); test.skip('b', () => {});`,
    'bad.test.ts': `import { test } from 'bun:test'; test('a', () => {}); test('b <&>', () => { throw new Error('no'); });`,
    'broken.test.ts': `import './missing.ts';`,
    'empty.test.ts': 'export {};',
    'crash.test.ts': `import { test } from 'bun:test'; test('a', () => process.kill(process.pid, 'SIGKILL'));`,
    'late.test.ts': `import { afterAll, test } from 'bun:test'; test('a', () => {}); afterAll(() => { throw new Error('late'); });`,
    'endless.ts': `console.log('begun'); setInterval(() => {}, 1000);`,
  };
  for (const [name, text] of Object.entries(files)) await Bun.write(join(root, name), text);
});
afterAll(() => rm(root, { recursive: true }));

test('every test is counted, and a step without tests as one', async () => {
  const { results, lines } = await run([tests('good.test.ts'), tool('process.exit(0)')]);

  expect(close(results, 2)).toEqual({ line: '3 passed, 0 failed', exitCode: 0 });
  expect(lines.map((line) => line.replace(/ +[\d.]+ s/, ' … s')).sort()).toEqual([
    'good.test.ts ok … s  2 passed, 1 skipped',
    'tool         ok … s',
  ]);
});

test('what a test file says that it skipped is told, though nothing failed', async () => {
  const { lines } = await run([tests('lacking.test.ts', 'good.test.ts')]);

  expect(lines[0]).toEndWith('3 passed, 2 skipped\nskipped: what needs a moon: it is day');
});

test('a failed test fails the whole, and its output and the command that shows it again are printed', async () => {
  const { results, lines } = await run([tests('good.test.ts', 'bad.test.ts')]);

  expect(close(results, 1)).toEqual({ line: '3 passed, 1 failed', exitCode: 1 });
  expect(lines.join('\n')).toContain('error: no');
  expect(lines.join('\n')).toEndWith('mend: look bad.test.ts\n');
});

test('a tool fails by its exit code, and what it said is printed', async () => {
  const { results, lines } = await run([tool(`console.error('line 3 is wrong'); process.exit(7)`)]);

  expect(close(results, 1)).toEqual({ line: '0 passed, 1 failed', exitCode: 1 });
  expect(lines.join('\n')).toContain('line 3 is wrong');
});

test('a test file that does not load is a failure, though no test failed', async () => {
  const { results, lines } = await run([tests('good.test.ts', 'broken.test.ts')]);

  expect(close(results, 1)).toEqual({ line: '2 passed, 1 failed', exitCode: 1 });
  expect(lines.join('\n')).toContain('broken.test.ts: no test ran');
});

test('a test file without a test is a failure', async () => {
  const { results } = await run([tests('good.test.ts', 'empty.test.ts')]);
  expect(close(results, 1)).toEqual({ line: '2 passed, 1 failed', exitCode: 1 });
});

test('a runner that is killed is a failure', async () => {
  const { results } = await run([tests('crash.test.ts')]);
  expect(close(results, 1)).toEqual({ line: '0 passed, 1 failed', exitCode: 1 });
});

test('an error after the last test is a failure', async () => {
  const { results } = await run([tests('late.test.ts')]);
  expect(close(results, 1).exitCode).toBe(1);
});

test('no test file at all is a failure', async () => {
  const { results } = await run([tests()]);
  expect(close(results, 1)).toMatchObject({ exitCode: 1 });
});

test('a step that does not end by its deadline is stopped, and failed', async () => {
  const { results, lines } = await run([{ ...tool(''), argv: [bun, 'endless.ts'], deadlineMs: 1 }]);

  expect(close(results, 1)).toEqual({ line: '0 passed, 1 failed', exitCode: 1 });
  expect(lines.join('\n')).toContain('it did not end in time');
});

test('a test file that fails once and passes alone is told as flaky, with what failed', async () => {
  await Bun.write(
    join(root, 'flaky.test.ts'),
    `import { test } from 'bun:test'; import { existsSync, writeFileSync } from 'node:fs';
     test('a', () => { if (!existsSync('seen')) { writeFileSync('seen', ''); throw new Error('not yet'); } });`,
  );

  const { results, lines } = await run([tests('good.test.ts', 'flaky.test.ts')], { again: true });

  expect(close(results, 1)).toEqual({ line: '3 passed, 0 failed', exitCode: 0 });
  expect(lines.join('\n')).toContain('error: not yet');
  expect(lines.at(-1)).toBe('flaky: flaky.test.ts failed once, and passed alone');
});

test('a test file that fails twice has failed', async () => {
  const { results, lines } = await run([tests('good.test.ts', 'bad.test.ts')], { again: true });

  expect(close(results, 1)).toEqual({ line: '3 passed, 1 failed', exitCode: 1 });
  expect(lines.join('\n')).not.toContain('flaky');
});

test('an interruption ends what runs, begins nothing more, and says how far it came', async () => {
  const interrupt = new AbortController();
  const steps = [tool('process.exit(0)'), { ...tool(''), argv: [bun, 'endless.ts'] }, tests('good.test.ts')];
  const results = await runChecks({
    steps,
    root,
    scratch: root,
    atOnce: 1,
    signal: interrupt.signal,
    print: () => interrupt.abort(),
  });

  expect(close(results, steps.length)).toEqual({
    line: 'interrupted, 1 of 3 steps ended: 1 passed, 0 failed',
    exitCode: 130,
  });
});

function tool(code: string): Step {
  return { name: 'tool', argv: [bun, '-e', code], mend: 'look', deadlineMs: 60_000 };
}

function tests(...files: readonly string[]): Step {
  return {
    name: files.join(' ') || 'none',
    argv: [bun, 'test', '--only-failures', ...files.map((file) => `./${file}`)],
    mend: 'look',
    testFiles: files,
    deadlineMs: 60_000,
  };
}

async function run(steps: readonly Step[], { again = false } = {}) {
  const lines: string[] = [];
  const results = await runChecks({
    steps,
    root,
    scratch: root,
    atOnce: 2,
    again,
    signal: new AbortController().signal,
    print: (text) => lines.push(text),
  });
  return { results, lines };
}
