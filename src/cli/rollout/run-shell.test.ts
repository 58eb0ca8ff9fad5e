import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runShell, type ShellRun } from './run-shell.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'causeway shell ')));
afterAll(() => rmSync(folder, { recursive: true }));
const io = { env: { PATH: process.env.PATH }, runtime: process.execPath, atExit: () => () => {} };

function run(
  command: ShellRun['command'],
  more: Partial<ShellRun> = {},
  env: Readonly<Record<string, string>> = {},
) {
  const { signal } = new AbortController();
  const world = { ...io, env: { ...io.env, ...env } };
  return runShell({ command, folder, deadlineMs: 30_000, signal, ...more }, world);
}

/** Returns when no process of the group runs; a test that waits here for long has found a fault. */
async function groupIsGone(group: string): Promise<void> {
  const isRunning = () =>
    Bun.spawnSync(['ps', '-eo', 'pgid=,stat='])
      .stdout.toString()
      .split('\n')
      .some((line) => line.trim().startsWith(`${group.trim()} `) && !line.includes('Z'));
  while (isRunning()) await Bun.sleep(1);
}

test('a text is run by the shell, a list as it is, both in the folder', async () => {
  expect(await run('pwd; echo "$0" >&2; exit 3')).toMatchObject({
    kind: 'ended',
    code: 3,
    how: 'exit code 3',
    output: expect.stringContaining(folder),
  });
  expect(await run(['echo', '$HOME *'])).toMatchObject({ code: 0, output: '$HOME *\n' });
});

test('the runtime is first on PATH', async () => {
  expect(await run('command -v bun')).toMatchObject({
    output: `${join(dirname(process.execPath), 'bun')}\n`,
  });
});

test('it is given the variables of the shell, and not the key that signs images', async () => {
  const env = { CAUSEWAY_SIGNING_KEY: 'pr1vate', LEVEL: 'debug' };

  const end = await run('env', {}, env);

  expect(end).toMatchObject({ kind: 'ended', output: expect.stringContaining('LEVEL=debug\n') });
  expect(end).not.toMatchObject({ output: expect.stringContaining('CAUSEWAY_SIGNING_KEY') });
});

test('a program that is not there did not start', async () => {
  expect(await run(['/no/such/program'])).toMatchObject({
    kind: 'notStarted',
    why: expect.stringContaining('ENOENT'),
  });
});

test('at the deadline the whole group is killed, and its output kept', async () => {
  const end = await run('echo $$; sleep 60 & sleep 60', { deadlineMs: 50 });

  expect(end.kind).toBe('timeout');
  await groupIsGone('output' in end ? end.output : '');
});

test('what a command leaves running in its group is killed when it ends', async () => {
  const end = await run('sleep 60 & echo $$');

  expect(end).toMatchObject({ kind: 'ended', code: 0 });
  await groupIsGone('output' in end ? end.output : '');
});

test('a command that is no longer wanted is stopped, one that was never wanted too', async () => {
  const controller = new AbortController();
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(line);
    controller.abort();
  };

  expect(await run('echo ready; sleep 60', { signal: controller.signal, onLine })).toEqual({
    kind: 'aborted',
  });
  expect(await run('sleep 60', { signal: AbortSignal.abort() })).toEqual({ kind: 'aborted' });
  expect(lines).toEqual(['ready']);
});

test('one that a signal ended says so', async () => {
  expect(await run('kill -SEGV $$')).toMatchObject({ kind: 'ended', how: 'signal SIGSEGV' });
});
