import { afterEach, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { birthOf } from './birth.ts';
import { type FakeState, makeState } from './fake-state.ts';
import { isHeld, readLiveLock, writeLock } from './lock.ts';

let state: FakeState | undefined;

afterEach(() => state?.[Symbol.dispose]());

const held = { pid: process.pid, birth: birthOf(process.pid), port: 8080, socket: '/tmp/x/control.sock' };

test('the lock of a process that runs is held', () => {
  const { paths } = write(JSON.stringify(held));

  expect(readLiveLock(paths)).toEqual({ ...held, birth: held.birth ?? '' });
});

for (const [what, text] of [
  ['is missing', undefined],
  ['was left by a process that is gone', JSON.stringify({ ...held, pid: 2 ** 22 + 1 })],
  ['names a pid that was given to another process', JSON.stringify({ ...held, birth: 'another boot:1' })],
  ['has no birth', JSON.stringify({ ...held, birth: undefined })],
  ['is damaged', '{"pid":'],
] as const) {
  test(`a lock that ${what} says nothing`, () => {
    const { paths } = write(text);

    expect(readLiveLock(paths)).toBeUndefined();
  });
}

test('one that is written is read, unless a bit of it has flipped since', () => {
  const { paths } = write(undefined);
  const own = { ...held, birth: held.birth ?? '' };
  writeLock(paths, own);

  expect(readLiveLock(paths)).toEqual(own);

  writeFileSync(paths.lock, readFileSync(paths.lock, 'utf8').replace('control.sock', 'contrnl.sock'));

  expect(readLiveLock(paths)).toBeUndefined();
});

const gone = { pid: 2 ** 22 + 1, birth: 'another boot:1' };
const alive = { pid: held.pid, birth: held.birth };

for (const [what, lock, expected] of [
  ['whose supervisor runs is held', held, true],
  ['whose supervisor died is held while its keeper lives', { ...held, ...gone, keeper: alive }, true],
  ['whose keeper died too is held by nobody', { ...held, ...gone, keeper: gone }, false],
  ['of a supervisor that died before it had a keeper is held by nobody', { ...held, ...gone }, false],
] as const) {
  test(`a lock ${what}`, () => {
    const { paths } = write(JSON.stringify(lock));

    expect(isHeld(paths)).toBe(expected);
  });
}

function write(text: string | undefined): FakeState {
  state = makeState();
  if (text !== undefined) writeFileSync(state.paths.lock, text);
  return state;
}
