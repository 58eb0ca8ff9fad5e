import { describe, expect, test } from 'bun:test';
import type { Cause, Failure } from '../../src/load/report.ts';
import { explain, type Kill } from './loss.ts';

const kills: readonly Kill[] = [
  { victim: 'replica', at: 10_000 },
  { victim: 'supervisor', at: 20_000, backAt: 20_200 },
  { victim: 'keeper', at: 30_000 },
  { victim: 'replica', at: 35_000, goneAt: 35_400 },
  ...[41_000, 43_000, 45_990].map((at) => ({ victim: 'replica' as const, at })),
];

describe('a request that failed is explained by', () => {
  for (const [title, cause, sentAt, endedAt, reason] of [
    ['a replica killed under it', '502', 9_900, 10_010, 'in flight at a replica that was killed'],
    [
      'a replica that was killed and had not gone yet',
      '502',
      35_300,
      35_410,
      'in flight at a replica that was killed',
    ],
    ['a supervisor killed under it', 'reset', 19_900, 20_001, 'in flight at a supervisor that was killed'],
    ['nobody at the address', 'refused', 20_100, 20_101, 'sent while the address was away'],
  ] as const) {
    test(title, () => {
      expect(explain(ofFailure({ cause, sentAt, endedAt }))).toBe(reason);
    });
  }

  test('three replicas killed under it, each in its turn', () => {
    const failure = { cause: '502', sentAt: 40_000, endedAt: 46_000, stream: 'kept' } as const;

    expect(explain(ofFailure(failure))).toBe(
      'in flight at three replicas, one after the other, that were killed',
    );
  });

  test('a bad release that answered it', () => {
    const failure = { cause: 'other-5xx', sentAt: 1, endedAt: 2, release: 'bad' } as const;

    expect(explain(ofFailure(failure))).toBe('answered 500 by a bad release');
  });
});

describe('a request is lost that failed', () => {
  for (const [title, cause, sentAt, endedAt, stream] of [
    ['and was sent after the replica was killed', '502', 10_200, 10_210, 'post'],
    ['and was sent after the replica had gone', '502', 35_500, 35_510, 'post'],
    ['at a killed replica, though it could be sent to another', '502', 9_900, 10_010, 'kept'],
    ['after the address was back', 'refused', 20_300, 20_301, 'post'],
    ['when a keeper was killed', 'reset', 29_900, 30_010, 'post'],
    ['by waiting in vain', 'timed-out', 19_900, 29_900, 'post'],
    ['for want of a replica', '503', 9_900, 10_010, 'post'],
    ['with another body than its own', 'wrong-body', 19_900, 20_010, 'post'],
  ] as const) {
    test(title, () => {
      expect(explain(ofFailure({ cause, sentAt, endedAt, stream }))).toBeUndefined();
    });
  }

  test('by a 500 of a good release', () => {
    const failure = { cause: 'other-5xx', sentAt: 1, endedAt: 2, release: 'good' } as const;

    expect(explain(ofFailure(failure))).toBeUndefined();
  });
});

interface Ended {
  readonly cause: Cause;
  readonly sentAt: number;
  readonly endedAt: number;
  readonly stream?: string;
  readonly release?: string;
}

function ofFailure({ cause, sentAt, endedAt, stream = 'post', release }: Ended) {
  const failure: Failure = {
    cause,
    detail: '',
    stream,
    at: endedAt,
    elapsedMs: endedAt - sentAt,
    connection: { ageMs: 0, requests: 1, isReused: false },
    ...(release === undefined ? {} : { release }),
  };
  return { failure, kills, repeatable: new Set(['kept']), bad: new Set(['bad']) };
}
