import { expect, test } from 'bun:test';
import { makeRecord, type RolloutRecord } from '../../../src/core/record.ts';
import { checkRecords, checkSegments } from './check-history.ts';

const first = recordOf({ id: 'a', release: 'one', startedAt: 1, endedAt: 2 });
const bad = recordOf({
  id: 'b',
  release: 'two',
  replaces: 'one',
  startedAt: 3,
  endedAt: 4,
  verdict: { kind: 'failed', cause: 'crashed', message: 'exit code 1' },
});
const last = recordOf({ id: 'c', release: 'three', replaces: 'one', startedAt: 5, endedAt: 6 });
const told = [first, bad, last];

test('a history in which each rollout follows the one before is in order', () => {
  expect(checkRecords(told, { stable: 'three' })).toEqual([]);
  expect(checkSegments([segmentOf(told)])).toEqual([]);
});

test.each([
  ['a good rollout is missing', [bad, last], 'three', 'b replaces one, and before it undefined served'],
  ['the last one is missing', [first, bad], 'three', 'by the records one serves, and three does'],
  ['one is there twice', [first, bad, bad, last], 'three', 'b is recorded twice'],
  ['two ran at once', [first, { ...bad, startedAt: 1 }, last], 'three', 'b began before a had ended'],
  ['one ends before it begins', [first, { ...bad, endedAt: 2 }, last], 'three', 'b ended before it began'],
])('it is told when %s', (_, records, stable, problem) => {
  expect(checkRecords(records, { stable })).toContain(problem);
});

test('a half-written record, and a key that is missing, are told', () => {
  const text = JSON.stringify(first);
  const half = { name: 'shop-history-1', data: { '00000.a': text.slice(0, 80) } };
  const gap = { name: 'shop-history-1', data: { '00000.a': text, '00002.c': JSON.stringify(last) } };

  expect(checkSegments([half])[0]).toStartWith('shop-history-1: 00000.a is no whole record');
  expect(checkSegments([gap])).toEqual(['shop-history-1 has 00002.c as its record 1']);
});

function recordOf(more: Partial<RolloutRecord>): RolloutRecord {
  return makeRecord({
    id: 'a',
    kind: 'deploy',
    release: 'one',
    artifact: 'sha256:a',
    by: 'ada',
    startedAt: 1,
    endedAt: 2,
    verdict: { kind: 'good' },
    traffic: { requests: 1, errors: 0, lost: 0, retried: 0 },
    ...more,
  });
}

function segmentOf(records: readonly RolloutRecord[]) {
  const entries = records.map(
    (record, index) => [`${String(index).padStart(5, '0')}.${record.id}`, JSON.stringify(record)] as const,
  );
  return { name: 'shop-history-1', data: Object.fromEntries(entries) };
}
