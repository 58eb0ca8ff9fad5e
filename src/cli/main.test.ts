import { afterAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configText } from './terminal/fake-terminal.ts';

const home = mkdtempSync(join(tmpdir(), 'causeway main '));
afterAll(() => rmSync(home, { recursive: true }));
writeFileSync(join(home, 'causeway.config.ts'), configText({ test: 'echo ready; sleep 60' }));
writeFileSync(join(home, 'main.ts'), '');

const environment = {
  PATH: process.env.PATH,
  HOME: home,
  XDG_STATE_HOME: join(home, 'state'),
  XDG_RUNTIME_DIR: home,
  LANG: 'C.UTF-8',
};

function commandLine(words: readonly string[]): string[] {
  return [process.execPath, '--no-install', '--no-env-file', join(import.meta.dir, 'main.ts'), ...words];
}

function start(words: readonly string[], cwd = home) {
  return Bun.spawn(commandLine(words), { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

test('the process ends with the exit code, the result on stdout and nothing on stderr', async () => {
  const child = start(['status', '--json']);

  const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);

  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ environment: 'local', state: 'absent' });
});

test('wrong usage ends the process with 2, and names a page that is there', async () => {
  const child = start(['stauts']);

  expect(await child.exited).toBe(2);
  const stderr = await child.stderr.text();
  expect(stderr).toContain('did you mean causeway status?');
  const [, page = ''] = /help: (.*)#usage_wrong/.exec(stderr) ?? [];
  expect(existsSync(page)).toBe(true);
});

test('what the config prints stands on stderr, and stdout is as before when it is loaded', async () => {
  const folder = join(home, 'chatty');
  mkdirSync(folder);
  const config = `
    import { writeSync } from 'node:fs';
    console.log('by console');
    process.stdout.write('by stream\\n');
    writeSync(1, 'by descriptor\\n');
    await Bun.write(Bun.stdout, 'by Bun\\n');
    Bun.spawnSync(['echo', 'by a child'], { stdout: 'inherit' });
    ${configText()}`;
  writeFileSync(join(folder, 'causeway.config.ts'), config);
  const child = start(['status', '--json'], folder);

  const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);

  expect(exit).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ environment: 'local', state: 'absent' });
  expect(stderr).toBe('by console\nby stream\nby descriptor\nby Bun\nby a child\n');
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s ends a command at once whose config never loads',
  async (signal) => {
    const folder = mkdtempSync(join(home, 'endless '));
    const config = `console.log('begun');\nawait new Promise(() => {});\n${configText()}`;
    writeFileSync(join(folder, 'causeway.config.ts'), config);
    const child = start(['status'], folder);
    const stderr = child.stderr.getReader();
    await stderr.read();

    child.kill(signal);

    expect(await child.exited).toBe(130);
    expect(new TextDecoder().decode((await stderr.read()).value)).toBe('interrupted: nothing was changed\n');
  },
);

test('a reader that leaves early ends it quietly', async () => {
  const main = join(import.meta.dir, 'main.ts');
  const script = `"${process.execPath}" "${main}" help | true; echo "\${PIPESTATUS[0]}"`;
  const child = Bun.spawn(['bash', '-c', script], { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });

  expect(await child.stdout.text()).toBe('0\n');
  expect(await child.stderr.text()).toBe('');
});

describe.skipIf(process.platform !== 'linux')('on a full disk', () => {
  test.each(['status', 'status --json', 'help'])(
    '%p whose result cannot be written fails, with one error',
    async (line) => {
      const { exit, other } = await endOnFull(line.split(' '), 'stdout');

      expect(exit).toBe(1);
      expect(other.match(/^error: .*/gm)).toEqual([
        'error: the result could not be written to stdout: the disk is full',
      ]);
      expect(other).not.toMatch(/^\s+at /m);
    },
  );

  test('what is said on the way may be lost: the exit code and the result are the same', async () => {
    const { exit, other } = await endOnFull(['status', '--json'], 'stderr');

    expect(exit).toBe(0);
    expect(JSON.parse(other)).toMatchObject({ environment: 'local', state: 'absent' });
    expect((await endOnFull(['stauts'], 'stderr')).exit).toBe(2);
    expect((await endOnFull(['open'], 'stderr')).exit).toBe(1);
  });
});

/** Runs a command one of whose streams takes nothing; gives what the other one held. */
async function endOnFull(words: readonly string[], stream: 'stdout' | 'stderr') {
  const child = Bun.spawn(
    ['sh', '-c', `exec "$@" ${stream === 'stdout' ? '>' : '2>'}/dev/full`, 'sh', ...commandLine(words)],
    {
      cwd: home,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exit, other: stream === 'stdout' ? stderr : stdout };
}
