import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { RolloutRecord } from '../../src/core/record.ts';
import type { Cause } from '../../src/core/verdict.ts';
import type { Load } from '../../src/load/load.ts';
import type { Cause as ErrorCause } from '../../src/load/report.ts';
import { presets, type Shape } from '../../src/load/shape.ts';
import { causeOf, failuresBetween } from '../rollout-story.ts';
import { type Ended, makeProject, type Project } from './project.ts';

setDefaultTimeout(60_000);

interface Expected {
  /** A fixture, or a return to the last good release before the one that serves. */
  readonly does: string | 'rollback';
  /** Makes another good release of the same fixture. */
  readonly mark?: string;
  readonly verdict: 'good' | Cause;
  readonly exit?: string;
  readonly printed?: string;
  /** What its users may see beside good answers, each at most as often as the candidate's share. */
  readonly errors?: readonly ErrorCause[];
}

/** A request that went to a replica which crashed, was killed or hung, and may not be sent twice. */
const cutOff = ['502', 'cut'] as const;

/** The story, in this order, under one load that never stops. */
const story: readonly Expected[] = [
  { does: 'good.ts', mark: 'two', verdict: 'good' },
  {
    does: 'crash-at-start.ts',
    verdict: 'crashed',
    exit: 'exit code 1',
    printed: 'fatal: cannot parse DATABASE_URL',
  },
  { does: 'exit-zero-at-start.ts', verdict: 'exited', exit: 'exit code 0', printed: 'nothing to do' },
  { does: 'never-listens.ts', verdict: 'not-listening', printed: 'waiting for the database' },
  { does: 'cuts-on-sigterm.ts', verdict: 'good' },
  { does: 'listens-elsewhere.ts', verdict: 'not-listening', printed: 'listening on http://127.0.0.1:' },
  { does: 'never-ready.ts', verdict: 'never-ready' },
  { does: 'plain.ts', verdict: 'never-ready' },
  { does: 'rollback', verdict: 'good' },
  { does: 'error-on-declared-path.ts', verdict: 'declared-path' },
  { does: 'errors-under-traffic.ts', verdict: 'errors', errors: ['other-5xx'] },
  { does: 'all-errors-under-traffic.ts', verdict: 'errors', errors: ['other-5xx'] },
  { does: 'ignores-sigterm.ts', verdict: 'good' },
  {
    does: 'crash-under-traffic.ts',
    verdict: 'crashed',
    exit: 'exit code 1',
    printed: 'error: connection to the database was lost',
    errors: cutOff,
  },
  { does: 'killed-under-traffic.ts', verdict: 'crashed', exit: 'signal SIGKILL', errors: cutOff },
  { does: 'hangs-under-traffic.ts', verdict: 'hung', errors: cutOff },
  { does: 'good.ts', mark: 'three', verdict: 'good' },
  { does: 'stops-answering.ts', verdict: 'hung', errors: cutOff },
  { does: 'slow-under-traffic.ts', verdict: 'slow' },
  { does: 'rollback', verdict: 'good' },
];

/** What takes long and may not be sent twice: it is lost by whoever does not wait for it. */
const longAndOnce: Shape = [
  { label: '1 s post', method: 'POST', path: '/slow?ms=1000', body: { bytes: 64 } },
  { label: '1 s upload', method: 'POST', path: '/echo', body: { bytes: 10_000, pieces: 10, pieceMs: 100 } },
].map((stream) => ({ ...stream, kind: 'kept', connections: 3, timeoutMs: 15_000 }));

/** One candidate replica beside two stable ones. */
const candidateShare = 1 / 3;
/** After each rollout so many more requests must go well: the last good release serves. */
const requestsAfter = 60;

describe('under a load of every kind that never stops', () => {
  let project: Project;
  let load: Load;
  /** The releases that served one after the other, those that were rolled back from apart. */
  const served: string[] = [];
  const told: RolloutRecord[] = [];

  beforeAll(async () => {
    project = await makeProject({ environment: { bake: '800ms', deadlines: { start: '3s' } } });
    const up = await project.causeway('up', '--json');
    served.push(up.json().serves ?? '');
    load = project.load([...presets.mixed({ scale: 0.2 }), ...longAndOnce]);
    await load.until(({ requests }) => requests >= requestsAfter);
  });

  afterAll(() => project?.[Symbol.asyncDispose]());

  for (const expected of story) {
    const { does, mark, verdict, errors = [] } = expected;
    const name = `${does}${mark ? ` as ${mark}` : ''}`;
    const claim = verdict === 'good' ? 'is good' : `is taken back as ${verdict}`;
    const users = errors.length === 0 ? 'no user sees it' : 'no request is lost, errors keep to its share';

    test(`${name} ${claim}, ${users}`, async () => {
      const before = load.report();

      const ended = await roll(expected);
      const after = await load.until(({ requests }) => requests >= before.requests + requestsAfter);
      const settled = await load.until(({ requests }) => requests >= after.requests + requestsAfter);

      const { record } = ended.json();
      if (record) told.push(record);
      const serves = whatServes(expected, record);
      expect(summary(ended)).toEqual(summaryOf(expected));
      expect(ended.json().serves).toBe(serves);
      expect(record?.traffic.lost).toBe(0);
      expect((await project.ask()).release).toBe(serves.slice(0, 7));
      const failed = failuresBetween(before, settled);
      expect(Object.keys(failed).filter((cause) => !errors.some((error) => error === cause))).toEqual([]);
      const count = Object.values(failed).reduce((sum, one) => sum + one, 0);
      expect(count).toBeLessThanOrEqual(candidateShare * (settled.requests - before.requests));
    });
  }

  test('every rollout has left its record, in order', async () => {
    const { rollouts = [] } = (await project.causeway('releases', '--json', '--limit', '100')).json();

    const [first, ...later] = rollouts.toReversed();
    expect(first?.verdict.kind).toBe('good');
    expect(later).toEqual(told);
    expect(later.map(({ kind, verdict }) => [kind, causeOf(verdict)])).toEqual(
      story.map(({ does, verdict }) => [does === 'rollback' ? 'rollback' : 'deploy', verdict]),
    );
  });

  test('nothing was lost in the whole story', async () => {
    const report = await load.stop();

    const mayBe = new Set<string>(story.flatMap(({ errors = [] }) => errors));
    const lost = Object.entries(report.causes).filter(([cause, count]) => count > 0 && !mayBe.has(cause));
    expect(lost).toEqual([]);
    expect(report.stray).toBe(0);
  });

  function roll({ does, mark }: Expected): Promise<Ended> {
    if (does === 'rollback') return project.causeway('rollback', '--json');
    project.use(does, mark === undefined ? undefined : { mark });
    return project.causeway('deploy', '--json');
  }

  function whatServes({ does, verdict }: Expected, record: RolloutRecord | undefined): string {
    if (does === 'rollback') served.pop();
    else if (verdict === 'good' && record) served.push(record.release);
    return served.at(-1) ?? '';
  }
});

function summary(ended: Ended) {
  const { exitCode } = ended;
  const { outcome, record, error } = ended.json();
  const verdict = record?.verdict;
  return {
    exitCode,
    outcome,
    verdict: verdict && causeOf(verdict),
    ...(error ? { code: error.code } : {}),
    ...(verdict?.kind === 'failed' ? { exit: verdict.evidence?.exit, printed: verdict.evidence?.lines } : {}),
  };
}

function summaryOf({ verdict, exit, printed }: Expected) {
  if (verdict === 'good') return { exitCode: 0, outcome: 'good', verdict };
  return {
    exitCode: 3,
    outcome: 'failed',
    verdict,
    code: 'rollout_failed',
    exit,
    printed: printed ? expect.arrayContaining([expect.stringContaining(printed)]) : expect.any(Array),
  };
}
