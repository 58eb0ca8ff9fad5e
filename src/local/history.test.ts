import { afterEach, expect, test } from 'bun:test';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../core/release.ts';
import { type FakeState, fakeRecord, makeState } from './fake-state.ts';
import { openHistory, readRecords } from './history.ts';

const states: FakeState[] = [];

afterEach(() => {
  for (const state of states.splice(0)) state[Symbol.dispose]();
});

test('records are listed as they were appended, oldest first', async () => {
  const { paths } = newState();
  const history = openHistory(paths);
  const records = [fakeRecord({ id: 'one' }), fakeRecord({ id: 'two', revision: 'main@4be21c0' })];

  for (const record of records) await history.append(record);

  expect(await openHistory(paths).list()).toEqual(records);
});

test('a history that was never written to is empty', async () => {
  const history = openHistory(newState().paths);

  expect(await history.list()).toEqual([]);
});

test('a record is kept once, however often it is appended', async () => {
  const { paths } = newState();
  const history = openHistory(paths);

  await history.append(fakeRecord({ id: 'one' }));
  await history.append(fakeRecord({ id: 'two' }));
  await history.append(fakeRecord({ id: 'one' }));

  expect((await history.list()).map(({ id }) => id)).toEqual(['one', 'two']);
});

test('damaged lines do not hide the others', async () => {
  const { paths } = newState();
  const history = openHistory(paths);
  await history.append(fakeRecord({ id: 'one' }));
  appendFileSync(paths.history, 'not JSON\n\n{"id":"of another shape"}\n\0\0\0\0\n[]\n');
  await history.append(fakeRecord({ id: 'two' }));
  appendFileSync(paths.history, '{"schemaVersion":1,"id":"cut o');
  await history.append(fakeRecord({ id: 'three' }));

  const records = await history.list();

  expect(records.map(({ id }) => id)).toEqual(['one', 'two', 'three']);
});

test('ten thousand records are listed, and one more is appended', async () => {
  const { paths } = newState();
  const lines = Array.from({ length: 10_000 }, (_, n) => JSON.stringify(fakeRecord({ id: `rollout-${n}` })));
  writeFileSync(paths.history, `${lines.join('\n')}\n`);
  const history = openHistory(paths);

  await history.append(fakeRecord({ id: 'the last' }));
  const records = await history.list();

  expect(records.length).toBe(10_001);
  expect(records.at(-1)?.id).toBe('the last');
});

test('the last records are read without those before, past lines that are damaged', async () => {
  const { paths } = newState();
  const history = openHistory(paths);
  for (const id of ['one', 'two', 'three']) await history.append(fakeRecord({ id }));
  appendFileSync(paths.history, 'not JSON\n');
  await history.append(fakeRecord({ id: 'four' }));

  expect(readRecords(paths.history, 2).map(({ id }) => id)).toEqual(['three', 'four']);
  expect(readRecords(paths.history).length).toBe(4);
  expect(readRecords(`${paths.history}.gone`, 2)).toEqual([]);
});

test('the last records are found however much damage lies behind them, and amid any characters', async () => {
  const { paths } = newState();
  const ids = Array.from({ length: 100 }, (_, n) => `${'é–😀'.repeat(n % 40)}${n}`);
  const lines = ids.map((id) => JSON.stringify(fakeRecord({ id })));
  writeFileSync(paths.history, `${lines.join('\n')}\n${'damage\n'.repeat(5_000)}`);

  for (const most of [1, 2, 3, 50, 99, 100, 101]) {
    expect(readRecords(paths.history, most).map(({ id }) => id)).toEqual(ids.slice(-most));
  }
});

test('a stored release is found by its id, a damaged one is not', async () => {
  const { paths, release: makeRelease } = newState();
  const release = makeRelease('good.ts');
  writeFileSync(join(paths.releases, `${release.id}.json`), canonicalJson(release));
  writeFileSync(join(paths.releases, 'damaged.json'), '{"id":');
  const other = makeRelease('plain.ts');
  const flipped = canonicalJson(other).replace('plain.ts', 'plaio.ts');
  writeFileSync(join(paths.releases, `${other.id}.json`), flipped);
  const history = openHistory(paths);

  const found = [
    await history.release(release.id),
    await history.release('damaged'),
    await history.release(other.id),
    await history.release('gone'),
  ];

  expect(found).toEqual([release, undefined, undefined, undefined]);
});

test('what is appended ends in a line', async () => {
  const { paths } = newState();

  await openHistory(paths).append(fakeRecord({ id: 'one' }));

  expect(readFileSync(paths.history, 'utf8')).toMatch(/^\{.*\}\n$/);
});

function newState(): FakeState {
  const state = makeState();
  states.push(state);
  return state;
}
