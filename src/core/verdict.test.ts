import { describe, expect, test } from 'bun:test';
import { latencyBounds, latencyBucket } from './latency.ts';
import { seededRandom } from './seeded-random.ts';
import type { Answers } from './traffic.ts';
import { type Allowance, judgeErrors, judgeWatch } from './verdict.ts';

const allowance: Allowance = { errorShare: 0.02, slowdown: 1.5 };
const nothing = answers(0, 0);

describe('errors, at any moment', () => {
  test.each([
    ['three of three', answers(0, 3), answers(10, 0)],
    ['all of the first release', answers(0, 3), nothing],
    ['one in ten of a hundred', answers(90, 10), answers(200, 0)],
    ['many, where the stable release makes a few', answers(50, 50), answers(90, 10)],
  ])('are judged: %s', (_title, candidate, stable) => {
    expect(judgeErrors(candidate, stable, allowance)).toMatchObject({ kind: 'failed', cause: 'errors' });
  });

  test.each([
    ['none of none', nothing, nothing],
    ['none', answers(1_000, 0), answers(1_000, 0)],
    ['two, which say nothing', answers(0, 2), answers(10, 0)],
    ['three of a hundred, which may be chance', answers(97, 3), answers(200, 0)],
    ['up to the allowance', answers(980, 20), answers(1_000, 0)],
    ['as many as the stable release', answers(50, 50), answers(50, 50)],
    ['fewer than the stable release', answers(50, 50), answers(0, 100)],
  ])('are not judged: %s', (_title, candidate, stable) => {
    expect(judgeErrors(candidate, stable, allowance)).toBeUndefined();
  });

  test('are told with their numbers beside those of the stable release', () => {
    expect(judgeErrors(answers(0, 5), answers(11, 1), allowance)?.message).toBe(
      '5 of 5 requests failed, of the stable release 1 of 12 requests',
    );
    expect(judgeErrors(answers(0, 5), nothing, allowance)?.message).toBe('5 of 5 requests failed');
  });

  test.each([
    [[{ path: '/', status: 500, count: 5 }], '(5 answers of 500 to /)'],
    [[{ path: '/', status: 500, count: 1 }], '(among them 1 answer of 500 to /)'],
    [[{ status: 503, count: 5 }], '(5 answers of 503)'],
    [
      [
        { path: '/', status: 500, count: 4 },
        { path: '/b', status: 404, count: 1 },
      ],
      '(4 answers of 500 to /, 1 of 404 to /b)',
    ],
    [[{ path: `/${'x'.repeat(70)}`, status: 500, count: 5 }], `(5 answers of 500 to /${'x'.repeat(59)}…)`],
  ])('are told with paths and statuses, as far as they are known: %j', (faults, words) => {
    const failure = judgeErrors({ ...answers(0, 5), faults }, answers(12, 0), allowance);

    expect(failure?.message).toBe(`5 of 5 requests failed ${words}, of the stable release 0 of 12 requests`);
  });

  test('of a release that makes half as many as allowed are mistaken in at most one watch of a hundred', () => {
    const random = seededRandom(4);
    let mistaken = 0;

    for (let watch = 0; watch < 1_000; watch += 1) {
      let ok = 0;
      let errors = 0;
      let isJudged = false;
      for (let request = 0; request < 500; request += 1) {
        if (random() < 0.01) errors += 1;
        else ok += 1;
        isJudged ||= judgeErrors(answers(ok, errors), answers(500, 0), allowance) !== undefined;
      }
      if (isJudged) mistaken += 1;
    }

    expect(mistaken).toBeLessThanOrEqual(10);
  });
});

test('a release whose errors are mostly answers that never came is hung', () => {
  const silent = { ...answers(60, 10), late: 7 };

  const judgement = judgeErrors(silent, answers(100, 0), allowance);

  expect(judgement).toEqual({
    kind: 'failed',
    cause: 'hung',
    message: '7 of 70 requests got no answer in time',
  });
});

describe('errors, after a whole watch', () => {
  test('are judged as soon as they are more than allowed', () => {
    expect(judgeWatch(answers(97, 3), answers(200, 0), allowance)).toMatchObject({ cause: 'errors' });
    expect(judgeWatch(answers(98, 2), answers(200, 0), allowance)).toBeUndefined();
    expect(judgeWatch(answers(980, 20), answers(200, 0), allowance)).toBeUndefined();
  });

  test('that the stable release makes alike are put to the environment', () => {
    expect(judgeWatch(answers(50, 50), answers(50, 50), allowance)).toEqual({
      kind: 'failed',
      cause: 'environment',
      message: '50 of 100 requests failed, of the stable release 50 of 100 requests',
    });
  });

  test('that are half of the stable release’s or fewer are a release that mends something', () => {
    expect(judgeWatch(answers(60, 40), answers(20, 80), allowance)).toBeUndefined();
    expect(judgeWatch(answers(59, 41), answers(20, 80), allowance)).toMatchObject({ cause: 'environment' });
  });

  test('are allowed as far as the config says', () => {
    const generous = { ...allowance, errorShare: 0.5 };

    expect(judgeWatch(answers(50, 50), answers(100, 0), generous)).toBeUndefined();
    expect(judgeWatch(answers(49, 51), answers(100, 0), generous)).toMatchObject({ cause: 'errors' });
    expect(judgeWatch(answers(0, 3), nothing, { ...allowance, errorShare: 1 })).toBeUndefined();
  });
});

describe('slowness', () => {
  const usual = (random: () => number) => 40 + 20 * random();

  test('of twice the time is found in any 200 requests', () => {
    expect(shareJudgedSlow((random) => 2 * usual(random), usual, 200)).toBe(1);
  });

  test('of the slowest alone is found', () => {
    const tail = (random: () => number) => (random() < 0.15 ? 500 : usual(random));

    expect(shareJudgedSlow(tail, usual, 800)).toBe(1);
  });

  test('of two fifths more is allowed', () => {
    expect(shareJudgedSlow((random) => 1.4 * usual(random), usual, 500)).toBe(0);
  });

  test('is never found by chance, however mixed the traffic is', () => {
    const mixed = (random: () => number) => {
      const kind = random();
      if (kind < 0.05) return 3_000;
      return kind < 0.5 ? 2 + 3 * random() : 30 + 200 * random() ** 3;
    };

    expect(shareJudgedSlow(mixed, mixed, 500)).toBe(0);
    expect(shareJudgedSlow(mixed, mixed, 180)).toBe(0);
    expect(shareJudgedSlow(mixed, mixed, 20)).toBe(0);
  });

  test('of a few milliseconds is nobody’s concern', () => {
    const fast = () => 2;
    const slower = () => 20;

    expect(shareJudgedSlow(slower, fast, 500)).toBe(0);
  });

  test('is not known without a stable release, or with too few requests', () => {
    const slow = answers(0, 0, bucketsOf(Array.from({ length: 500 }, () => 9_000)));
    const few = answers(0, 0, bucketsOf(Array.from({ length: 8 }, () => 10)));

    expect(judgeWatch(slow, nothing, allowance)).toBeUndefined();
    expect(judgeWatch(slow, few, allowance)).toBeUndefined();
  });

  test('in wide buckets is what is slower for certain: the least of the one over the most of the other', () => {
    const between = (least: number, most: number): Answers => ({
      ...nothing,
      latencyBuckets: bucketsOf(Array.from({ length: 100 }, () => least)),
      latencyAtMost: bucketsOf(Array.from({ length: 100 }, () => most)),
    });

    const perhaps = judgeWatch(between(100, 250), between(50, 100), allowance);
    const certainly = judgeWatch(between(250, 500), between(50, 100), allowance);

    expect(perhaps).toBeUndefined();
    expect(certainly?.cause).toBe('slow');
  });

  test('is told with both latencies', () => {
    const slow = answers(0, 0, bucketsOf(Array.from({ length: 100 }, () => 200)));
    const fast = answers(0, 0, bucketsOf(Array.from({ length: 100 }, () => 50)));

    expect(judgeWatch(slow, fast, allowance)).toEqual({
      kind: 'failed',
      cause: 'slow',
      message: "half of the answers took 186 ms or more, the stable release's 54 ms at most",
    });
  });
});

function answers(ok: number, errors: number, latencyBuckets: readonly number[] = []): Answers {
  return { ok, errors, late: 0, latencyBuckets, latencyAtMost: latencyBuckets };
}

type Latency = (random: () => number) => number;

/** The share of many pairs of samples of this size in which the first is judged slow beside the second. */
function shareJudgedSlow(candidate: Latency, stable: Latency, size: number): number {
  const random = seededRandom(size);
  const pairs = 200;
  const sample = (latency: Latency) =>
    answers(size, 0, bucketsOf(Array.from({ length: size }, () => latency(random))));
  let slow = 0;
  for (let pair = 0; pair < pairs; pair += 1) {
    if (judgeWatch(sample(candidate), sample(stable), allowance)?.cause === 'slow') slow += 1;
  }
  return slow / pairs;
}

function bucketsOf(sample: readonly number[]): number[] {
  const buckets = latencyBounds.map(() => 0);
  for (const ms of sample) buckets[latencyBucket(ms)] = (buckets[latencyBucket(ms)] ?? 0) + 1;
  return buckets;
}
