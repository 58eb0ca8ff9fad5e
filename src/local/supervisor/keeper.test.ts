import { afterEach, expect, test } from 'bun:test';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { birthOf } from '../birth.ts';
import { until } from '../fake-state.ts';

const grounds: string[] = [];

afterEach(async () => {
  for (const ground of grounds.splice(0)) {
    writeFileSync(join(ground, 'down'), '');
    for (const pid of pidsIn(ground)) end(pid);
    await until('all are gone', () => pidsIn(ground).every((pid) => birthOf(pid) === undefined));
    rmSync(ground, { recursive: true });
  }
});

test('a supervisor that is killed is replaced, and the restarts are counted', async () => {
  const ground = startSupervisor();

  const first = await supervisor(ground, 1);
  end(first.pid);
  const second = await supervisor(ground, 2);
  end(second.pid);
  const third = await supervisor(ground, 3);

  expect([first, second, third].map(({ restarts }) => restarts)).toEqual([0, 1, 2]);
  expect(birthOf(first.pid)).toBeUndefined();
});

test('the keeper becomes the next supervisor, which has a keeper of its own', async () => {
  const ground = startSupervisor();
  const first = await supervisor(ground, 1);

  end(first.pid);
  const second = await supervisor(ground, 2);

  expect(second.pid).toBe(first.keeper);
  expect(second.keeper).not.toBe(first.keeper);
});

test('a supervisor that says goodbye is not replaced, and its keeper is gone before it', async () => {
  const ground = startSupervisor();
  const { pid, keeper } = await supervisor(ground, 1);

  process.kill(pid, 'SIGTERM');
  await until('it has ended', () => birthOf(pid) === undefined);

  expect(birthOf(keeper)).toBeUndefined();
  expect(readFileSync(join(ground, 'said'), 'utf8')).toBe('goodbye said\n');
  expect(startsIn(ground).length).toBe(1);
});

test('a supervisor that is killed while the tombstone is there is not replaced', async () => {
  const ground = startSupervisor();
  const { pid, keeper } = await supervisor(ground, 1);
  writeFileSync(join(ground, 'down'), '');

  end(pid);
  await until('both have ended', () => [pid, keeper].every((one) => birthOf(one) === undefined));

  expect(startsIn(ground).length).toBe(1);
});

test('a keeper that is killed is replaced, and the new one keeps', async () => {
  const ground = startSupervisor();
  const { pid, keeper } = await supervisor(ground, 1);

  end(keeper);
  await until('there is another', () => ![undefined, keeper].includes(keeperOf(pid)));
  end(pid);

  expect((await supervisor(ground, 2)).restarts).toBe(1);
});

test('signals to the whole terminal do not end a keeper', async () => {
  const ground = startSupervisor();
  const { pid, keeper } = await supervisor(ground, 1);

  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(keeper, signal);
  end(pid);

  expect((await supervisor(ground, 2)).pid).toBe(keeper);
});

test('no keeper is started after the goodbye, though the one before was killed a moment ago', async () => {
  const ground = startSupervisor();
  const { pid, keeper } = await supervisor(ground, 1);

  end(keeper);
  await until('it is gone', () => birthOf(keeper) === undefined);
  process.kill(pid, 'SIGUSR1');
  await until('the pause before the next one is over', () => existsSync(join(ground, 'paused')));

  expect(keeperOf(pid)).toBeUndefined();
  expect(startsIn(ground).length).toBe(1);
});

interface Start {
  readonly pid: number;
  readonly keeper: number;
  readonly restarts: number;
}

/** A supervisor that does nothing but be kept; it writes down each start. */
function startSupervisor(): string {
  const ground = mkdtempSync(join(tmpdir(), 'causeway-keeper-'));
  grounds.push(ground);
  const script = join(ground, 'supervisor.ts');
  writeFileSync(script, supervisorScript(ground));
  Bun.spawn([process.execPath, script, '0'], { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  return ground;
}

function supervisorScript(ground: string): string {
  const [keeper, said, paused, starts, tombstone] = [
    join(import.meta.dir, 'keeper.ts'),
    ...['said', 'paused', 'starts', 'down'].map((name) => join(ground, name)),
  ].map((path) => JSON.stringify(path));
  return `
    import { appendFileSync, writeFileSync } from 'node:fs';
    import { Keeper } from ${keeper};
    const restarts = Number(process.argv[2]);
    const keeper = new Keeper({ argv: [process.execPath, import.meta.path], restarts, tombstone: ${tombstone} });
    keeper.start();
    appendFileSync(${starts}, JSON.stringify({ pid: process.pid, restarts }) + '\\n');
    process.on('SIGTERM', async () => {
      await keeper.dismiss();
      writeFileSync(${said}, 'goodbye said\\n');
      process.exit(0);
    });
    process.on('SIGUSR1', async () => {
      await keeper.dismiss();
      setTimeout(() => writeFileSync(${paused}, ''), 1_100);
    });
    setInterval(() => undefined, 1_000_000);`;
}

async function supervisor(ground: string, count: number): Promise<Start> {
  await until(`there were ${count} starts`, () => startsIn(ground).length === count);
  const start = startsIn(ground)[count - 1];
  if (!start) throw new Error('there was no start');
  await until('it has a keeper', () => keeperOf(start.pid) !== undefined);
  const keeper = keeperOf(start.pid) ?? 0;
  appendFileSync(join(ground, 'keepers'), `${keeper}\n`);
  return { ...start, keeper };
}

function startsIn(ground: string): readonly Pick<Start, 'pid' | 'restarts'>[] {
  const path = join(ground, 'starts');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function pidsIn(ground: string): readonly number[] {
  const supervisors = startsIn(ground).map(({ pid }) => pid);
  return [...supervisors, ...supervisors.flatMap((pid) => keeperOf(pid) ?? [])];
}

/** The child that runs a shell with our script; one that is about to become it still bears the arguments of its parent. */
function keeperOf(pid: number): number | undefined {
  const { stdout } = Bun.spawnSync(['ps', '-A', '-o', 'pid=,ppid=,stat=,args=']);
  for (const line of stdout.toString().split('\n')) {
    const [child, parent, state = ''] = line.trim().split(/\s+/);
    if (Number(parent) === pid && !state.startsWith('Z') && line.includes(' causeway-keeper '))
      return Number(child);
  }
  return undefined;
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
