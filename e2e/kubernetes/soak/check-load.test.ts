import { expect, test } from 'bun:test';
import type { RolloutRecord } from '../../../src/core/record.ts';
import { checkLoad } from './check-load.ts';
import type { StruckFault } from './faults.ts';

const away: StruckFault = { kind: 'API server away', round: 1, at: 100_000, until: 105_000, isKill: false };
const load = { failed: 0, stray: 0 } as Parameters<typeof checkLoad>[0];

function problemsOf(startedAt: number, endedAt: number): readonly string[] {
  const record = { id: 'r1', startedAt, endedAt, traffic: { lost: 7 } } as RolloutRecord;
  return checkLoad(load, [], { records: [record], faults: [away] });
}

test.each([
  ['began before it could be known that routes are back', 164_000, 190_000],
  ['had its verdict when the API went away', 90_000, 106_000],
])('what a rollout lost that %s is no problem', (_, startedAt, endedAt) => {
  expect(problemsOf(startedAt, endedAt)).toEqual([]);
});

test.each([
  ['was held through an outage', 90_000, 166_000],
  ['was over before it', 80_000, 99_000],
  ['began when routes were back', 166_000, 190_000],
])('what a rollout lost that %s is one', (_, startedAt, endedAt) => {
  expect(problemsOf(startedAt, endedAt)).toEqual(['by its record rollout r1 lost 7']);
});
