import { afterEach, expect, test } from 'bun:test';
import { birthOf, isAlive } from './birth.ts';
import { until } from './fake-state.ts';

const children: Bun.Subprocess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await child.exited;
  }
});

test('a process has one birth as long as it runs, and none afterwards', async () => {
  const child = start(['sleep', '100']);
  const birth = birthOf(child.pid);

  const again = birthOf(child.pid);
  const alive = isAlive({ pid: child.pid, birth: birth ?? '' });
  child.kill('SIGKILL');
  await child.exited;

  expect(birth).toBeString();
  expect(again).toBe(birth as string);
  expect(alive).toBe(true);
  expect(birthOf(child.pid)).toBeUndefined();
  expect(isAlive({ pid: child.pid, birth: birth ?? '' })).toBe(false);
});

test('a pid that was given to another process is not alive', () => {
  const { pid } = start(['sleep', '100']);

  expect(isAlive({ pid, birth: 'another boot:1' })).toBe(false);
  expect(isAlive({ pid, birth: birthOf(process.pid) ?? '' })).toBe(false);
});

test.skipIf(process.platform !== 'linux')(
  'a process that ended and was not taken leave of is not alive',
  async () => {
    const parent = start(['/bin/sh', '-c', 'sleep 100 & echo $!; exec sleep 100']);
    const pid = Number(await firstLine(parent));
    const birth = birthOf(pid) ?? '';
    const isDeaf = async () => (await Bun.file(`/proc/${parent.pid}/comm`).text()) === 'sleep\n';
    await until('its parent takes leave of nobody', isDeaf);

    process.kill(pid, 'SIGKILL');
    await until('it is a zombie', async () => /\) Z /.test(await Bun.file(`/proc/${pid}/stat`).text()));

    expect(birth).not.toBe('');
    expect(birthOf(pid)).toBeUndefined();
    expect(isAlive({ pid, birth })).toBe(false);
  },
);

test.skipIf(process.platform !== 'linux')(
  'a name with spaces and brackets does not hide the birth',
  async () => {
    const child = start([
      process.execPath,
      '-e',
      'require("fs").writeFileSync("/proc/self/comm", "a) Z (b) 1"); console.log("named"); setInterval(() => {}, 1e6)',
    ]);

    await firstLine(child);

    expect(birthOf(child.pid)).toMatch(/^[0-9a-f-]{36}:[0-9]+$/);
  },
);

function start(argv: string[]): Bun.Subprocess<'ignore', 'pipe', 'inherit'> {
  const child = Bun.spawn(argv, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  children.push(child);
  return child;
}

async function firstLine(child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>): Promise<string> {
  const { value } = await child.stdout.getReader().read();
  return new TextDecoder().decode(value).trim();
}
