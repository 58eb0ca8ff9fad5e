import { expect, test } from 'bun:test';
import type { Failure } from '../../../src/load/report.ts';
import { explain } from './explain.ts';
import type { StruckFault } from './faults.ts';

const killed: StruckFault = {
  kind: 'replica killed',
  round: 1,
  at: 10_000,
  until: 14_000,
  pod: 'shop-1',
  isKill: true,
};
const away: StruckFault = { kind: 'API server away', round: 1, at: 10_000, until: 14_000, isKill: false };
const crashes = { release: 'bad', from: 20_000, until: 30_000, pods: ['shop-9'] };
const erring = { release: 'erring', from: 20_000, until: 30_000, pods: [] };
const known = { faults: [killed, away], bad: [crashes, erring] };

test.each([
  [
    'was in flight as its process was killed',
    failed({ at: 10_400, elapsedMs: 500, replica: 'shop-1' }),
    'in flight',
  ],
  ['was refused before the cluster knew of the death', failed({ at: 10_100, cause: 'refused' }), 'untold'],
  [
    'is an answer of a bad release',
    failed({ at: 1, status: 500, release: 'erring', cause: 'other-5xx' }),
    'release',
  ],
  ['was cut as a bad release crashed', failed({ at: 25_000, replica: 'shop-9' }), 'release'],
  [
    'was refused by a replica that had left, half a minute after the API was back',
    failed({ at: 44_000, cause: 'refused', requests: 0 }),
    'late route',
  ],
])('a request that %s is explained', (_, failure, by) => {
  expect(explain(failure, known)?.by).toBe(by as 'release');
});

test.each([
  ['failed before the kill', failed({ at: 9_999, replica: 'shop-1' })],
  ['was refused when routes were back for certain', failed({ at: 74_002, cause: 'refused', requests: 0 })],
  ['was reset on a kept connection after an outage', failed({ at: 16_000, requests: 1 })],
  ['failed after the cluster knew of the death', failed({ at: 14_100, elapsedMs: 10 })],
  ['was on a connection to another pod', failed({ at: 10_400, elapsedMs: 500, replica: 'shop-2' })],
  ['failed while the API server was away', failed({ at: 10_400, replica: 'shop-2' })],
  [
    'is an error of a release that is good',
    failed({ at: 25_000, status: 500, release: 'good', cause: 'other-5xx' }),
  ],
  ['was answered with 503 in a kill', failed({ at: 10_400, status: 503, cause: '503' })],
  ['was cut while a release answers errors and does not crash', failed({ at: 31_000, replica: 'shop-8' })],
])('a request that %s is not', (_, failure) => {
  expect(explain(failure, known)).toBeUndefined();
});

interface Given extends Partial<Omit<Failure, 'connection'>> {
  readonly replica?: string;
  /** That the connection had carried. */
  readonly requests?: number;
}

function failed({ replica, requests = 2, ...more }: Given): Failure {
  const connection = {
    ageMs: 100,
    requests,
    isReused: true,
    ...(replica === undefined ? {} : { replica }),
  };
  return { cause: 'reset', detail: '', stream: 'kept', at: 0, elapsedMs: 1, connection, ...more };
}
