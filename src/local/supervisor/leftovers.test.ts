import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { birthOf } from '../birth.ts';
import { until } from '../fake-state.ts';
import { Census, endLeftovers, listLeftovers, markVariable } from './leftovers.ts';

const folders: string[] = [];
const groups: number[] = [];

afterEach(() => {
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test('what the census holds is gone when that is said, and its whole group is ended with it', async () => {
  const { census, root } = makeGround();
  const parent = start(['/bin/sh', '-c', 'sleep 100 & echo $!; wait']);
  const child = Number(await firstLine(parent));
  new Census(census).note(parent.pid, true);

  const ended = endLeftovers(census, root);

  expect(ended).toBe(1);
  expect(birthOf(parent.pid)).toBeUndefined();
  expect(listLeftovers(census, root)).toEqual([]);
  await until('its child is gone', () => birthOf(child) === undefined);
});

test('what ended is taken out of the census', () => {
  const { census, root } = makeGround();
  const [one, two] = [start(['sleep', '100']), start(['sleep', '100'])];
  const noted = new Census(census);
  noted.note(one.pid, true);
  noted.note(two.pid, true);

  noted.note(one.pid, false);

  expect(listLeftovers(census, root)).toEqual([-two.pid]);
});

test('a pid that was given to another process since is left alone', () => {
  const { census, root } = makeGround();
  const stranger = start(['sleep', '100']);
  writeFileSync(census, JSON.stringify([{ pid: stranger.pid, birth: 'another boot:1' }]));

  endLeftovers(census, root);

  expect(birthOf(stranger.pid)).toBeDefined();
});

for (const [what, text] of [
  ['missing', undefined],
  ['cut off', '[{"pid":12'],
  ['of another shape', '[{"pid":"1","birth":"x"}]'],
] as const) {
  test(`a census that is ${what} is as good as an empty one`, () => {
    const { census, root } = makeGround();
    if (text !== undefined) writeFileSync(census, text);

    expect(endLeftovers(census, root)).toBe(0);
  });
}

test('a folder in the place of the census is as good as an empty one', () => {
  const { census, root } = makeGround();
  mkdirSync(census);

  expect(endLeftovers(census, root)).toBe(0);
});

describe.skipIf(process.platform !== 'linux')('on Linux', () => {
  for (const name of ['state', 'état with spaces', '状態']) {
    test(`a process that bears the mark of ${name} is found, though no census holds it`, async () => {
      const { census, root } = makeGround(name);
      const marked = start(['sleep', '100'], { [markVariable]: root });
      await until('its environment can be read', () => listLeftovers(census, root).length > 0);

      const found = listLeftovers(census, root);
      endLeftovers(census, root);

      expect(found).toEqual([marked.pid]);
      expect(birthOf(marked.pid)).toBeUndefined();
    });
  }

  test('the mark of another state folder, whose name only begins alike, is not ours', async () => {
    const { census, root } = makeGround();
    start(['sleep', '100'], { [markVariable]: `${root}-2` });
    start(['sleep', '100'], { OTHER: root });
    await until('they can be read', () => listLeftovers(census, `${root}-2`).length > 0);

    const found = listLeftovers(census, root);

    expect(found).toEqual([]);
  });
});

function makeGround(name = 'state') {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-leftovers-'));
  folders.push(folder);
  return { census: join(folder, 'processes.json'), root: join(folder, name) };
}

function start(
  argv: string[],
  env: Record<string, string> = {},
): Bun.Subprocess<'ignore', 'pipe', 'inherit'> {
  const child = Bun.spawn(argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: '/usr/bin:/bin', ...env },
    detached: true,
  });
  groups.push(child.pid);
  return child;
}

async function firstLine(child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>): Promise<string> {
  const { value } = await child.stdout.getReader().read();
  return new TextDecoder().decode(value).trim();
}
