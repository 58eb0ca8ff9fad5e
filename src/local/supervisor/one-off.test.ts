import { afterEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { birthOf } from '../birth.ts';
import { fakeSettings, until } from '../fake-state.ts';
import { readLogs } from '../read-logs.ts';
import { endOneOff, type OneOffOptions, runOneOff } from './one-off.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test('a command that ends with 0 has succeeded', async () => {
  const { run } = makeGround();

  expect(await run('echo migrated')).toEqual({ kind: 'succeeded' });
});

test('a command that fails is told with its exit code and its last lines, of both streams', async () => {
  const { run } = makeGround();

  const exit = await run('echo one; echo two >&2; exit 7');

  expect(exit).toEqual({ kind: 'failed', evidence: { exit: 'exit code 7', lines: ['one', 'two'] } });
});

test('a program that is not there has failed', async () => {
  const { options } = makeGround();

  const exit = await runOneOff({ ...options('true'), argv: ['no-such-program', 'x'] });

  expect(exit).toMatchObject({ kind: 'failed', evidence: { exit: 'exit code 127' } });
});

test('it runs in the files of the release, with its variables, and reads nothing', async () => {
  const { run, workingFolder } = makeGround();
  writeFileSync(join(workingFolder, 'file'), 'of the artifact');

  const exit = await run('cat; cat file; echo " $GREETING"; exit 1', { GREETING: 'hello' });

  expect(exit).toMatchObject({ evidence: { lines: ['of the artifact hello'] } });
});

test('a command that does not end in time has failed, and what it started has ended', async () => {
  const { options, folder } = makeGround();
  const hanging = options('echo begun; sleep 1000 & echo $! > child; wait');

  const exit = await runOneOff({ ...hanging, what: { ...hanging.what, timeoutMs: 100 } });

  expect(exit).toEqual({ kind: 'failed', evidence: { exit: 'no end in 0.1 s', lines: ['begun'] } });
  await until('what it started has ended', () => birthOf(childOf(hanging)) === undefined);
  await until('nothing is left to end', () => !endOneOff(folder));
});

test('a command can be ended, and then has failed for that reason', async () => {
  const { options } = makeGround();
  const giveUp = new AbortController();
  const running = runOneOff({ ...options('sleep 1000'), signal: giveUp.signal });

  giveUp.abort('ended by down');

  expect(await running).toMatchObject({ kind: 'failed', evidence: { exit: 'ended by down' } });
});

test('arguments are passed on as they are', async () => {
  const { options } = makeGround();
  const argv = ['/bin/sh', '-c', 'for a in "$@"; do echo "[$a]"; done; exit 1', 'x', 'a b', '$HOME', '', '"'];

  const exit = await runOneOff({ ...options('true'), argv });

  expect(exit).toMatchObject({ evidence: { lines: ['[a b]', '[$HOME]', '[]', '["]'] } });
});

test('what it prints is part of the logs, at the time when it was begun', async () => {
  const { run, logs } = makeGround();
  const before = Date.now();

  await run('echo migrated');

  const lines = await Array.fromAsync(readLogs(logs, { follow: false }, new AbortController().signal));
  expect(lines).toEqual([
    { at: expect.any(Number), replica: 'command-x', release: 'command', text: 'migrated' },
  ]);
  expect(lines[0]?.at).toBeGreaterThanOrEqual(before);
});

for (const [how, code, kind] of [
  ['succeeds', 0, 'succeeded'],
  ['fails', 3, 'failed'],
] as const) {
  test(`whoever looks up one that runs on after its supervisor was killed learns that it ${how}`, async () => {
    const { folder, runInAnother, lookUp, workingFolder } = makeGround();
    const fifo = join(workingFolder, 'go-on');
    Bun.spawnSync(['mkfifo', fifo]);
    const supervisor = await runInAnother(`echo begun >> count; cat go-on; echo ended; exit ${code}`);
    await until('it was begun', () => Bun.file(join(folder, 'process.json')).exists());
    await until('it runs', () => Bun.file(join(workingFolder, 'count')).exists());

    supervisor.kill('SIGKILL');
    await supervisor.exited;
    const found = lookUp();
    writeFileSync(fifo, 'go on\n');

    expect(await found).toMatchObject({ kind });
    expect(readFileSync(join(workingFolder, 'count'), 'utf8')).toBe('begun\n');
  });
}

test('one that had ended is looked up as often as one likes, and not started again', async () => {
  const { run, lookUp, workingFolder } = makeGround();
  await run('echo begun >> count; exit 3');

  const exits = [await lookUp(), await lookUp()];

  expect(exits[0]).toMatchObject({ kind: 'failed', evidence: { exit: 'exit code 3' } });
  expect(exits[1]).toEqual(exits[0] as (typeof exits)[0]);
  expect(readFileSync(join(workingFolder, 'count'), 'utf8')).toBe('begun\n');
});

test('one that was killed together with its supervisor has an unknown end', async () => {
  const { runInAnother, lookUp, folder } = makeGround();
  const supervisor = await runInAnother('sleep 100');
  await until('it was begun', () => Bun.file(join(folder, 'process.json')).exists());
  const { pid } = JSON.parse(readFileSync(join(folder, 'process.json'), 'utf8')) as { pid: number };

  supervisor.kill('SIGKILL');
  process.kill(-pid, 'SIGKILL');

  expect(await lookUp()).toEqual({ kind: 'unknown' });
});

test('one of which nothing was written has an unknown end, and is not started', async () => {
  const { lookUp } = makeGround();

  expect(await lookUp()).toEqual({ kind: 'unknown' });
});

test('one that ended before its birth could be read is not waited for', async () => {
  const { run, lookUp, folder } = makeGround();
  await run('true');
  writeFileSync(join(folder, 'process.json'), JSON.stringify({ pid: 2 ** 22 + 1 }));

  expect(await lookUp()).toEqual({ kind: 'succeeded' });
});

test('another process that was given its pid is not waited for', async () => {
  const { lookUp, run, folder } = makeGround();
  await run('true');
  rmSync(join(folder, 'exit'));
  const identity = { pid: process.pid, birth: `${birthOf(process.pid)}0` };
  writeFileSync(join(folder, 'process.json'), JSON.stringify(identity));

  expect(await lookUp()).toEqual({ kind: 'unknown' });
});

function makeGround() {
  const base = mkdtempSync(join(tmpdir(), 'causeway-one-off-'));
  folders.push(base);
  const workingFolder = mkdtempSync(join(base, 'artifact-'));
  const logs = mkdtempSync(join(base, 'logs-'));
  const folder = join(logs, 'command-x');
  const options = (script: string, env: Record<string, string> = {}, isBegun = false) => ({
    what: { id: 'x', running: { release }, command: [], isBegun, timeoutMs: 60_000 },
    argv: ['/bin/sh', '-c', script],
    workingFolder,
    env: { PATH: '/usr/bin:/bin', ...env },
    folder,
    signal: new AbortController().signal,
  });
  return {
    folder,
    logs,
    workingFolder,
    options,
    run: (script: string, env?: Record<string, string>) => runOneOff(options(script, env)),
    lookUp: () => runOneOff(options('echo begun again >> count', {}, true)),
    runInAnother: async (script: string) => {
      const module = JSON.stringify(join(import.meta.dir, 'one-off.ts'));
      const code = `import { runOneOff } from ${module}; await runOneOff({ ...${JSON.stringify(options(script))}, signal: new AbortController().signal });`;
      return Bun.spawn([process.execPath, '-e', code], { stdio: ['ignore', 'inherit', 'inherit'] });
    },
  };
}

const release = { id: 'r', artifact: 'sha256:a', command: [], settings: fakeSettings() };

function childOf({ workingFolder }: Pick<OneOffOptions, 'workingFolder'>): number {
  return Number(readFileSync(join(workingFolder, 'child'), 'utf8'));
}
