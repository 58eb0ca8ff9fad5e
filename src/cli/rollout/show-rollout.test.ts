import { expect, test } from 'bun:test';
import type { RolloutEvent } from '../../core/event.ts';
import { makeRecord } from '../../core/record.ts';
import { renderBelow, renderStep } from '../terminal/step-line.ts';
import { makeStyle } from '../terminal/style.ts';
import { type RolloutView, showRollout } from './show-rollout.ts';

const style = makeStyle({ stream: { isTerminal: false }, env: { LANG: 'C.UTF-8' }, isPlain: true });
const traffic = (requests: number, errors = 0) => ({ requests, errors, lost: 0, retried: 0 });

const ended = makeRecord({
  id: 'r1',
  kind: 'deploy',
  release: 'a'.repeat(64),
  artifact: 'sha256:00',
  by: 'ada@laptop',
  startedAt: 0,
  endedAt: 1,
  verdict: { kind: 'good' },
  traffic: traffic(0),
});

/** What ended after each event, and what was under way then. */
function tell(events: readonly RolloutEvent[], beside = 0): string {
  let view: RolloutView = { beside };
  const lines: string[] = [];
  for (const event of events) {
    const told = showRollout(view, event);
    view = told.view;
    for (const { below = [], ...line } of told.ended)
      lines.push(renderStep(line, style), ...below.flatMap((text) => renderBelow(text, style)));
    if (view.now) lines.push(`> ${renderStep(view.now, style)}`);
  }
  return lines.join('\n');
}

test('what differed from release or config is told field by field once it was put right', () => {
  const differences = [
    { object: 'Deployment/shop', field: 'spec.replicas', wanted: 2, found: 5 },
    { object: 'PodDisruptionBudget/shop', wanted: {}, found: undefined },
  ];

  expect(tell([{ kind: 'mended', differences }])).toMatchInlineSnapshot(`
    "mend     2 differences from release or config, put right
             │ Deployment/shop spec.replicas: 5 → 2
             │ PodDisruptionBudget/shop was made again"
  `);
});

test('of lines that are alike but for their numbers one is told, and how many there were', () => {
  const line = (second: number) => `12:00:0${second} Error: pool is empty`;
  const lines = ['listening', line(1), '    at handle (a.ts:1:2)', line(2), '    at handle (a.ts:1:2)'];

  expect(tell([{ kind: 'evidence', evidence: { lines } }])).toMatchInlineSnapshot(`
    "evidence it printed last
             │ listening
             │ 12:00:02 Error: pool is empty (2 alike)
             │     at handle (a.ts:1:2)"
  `);
});

test('what failed after the verdict, until the candidate was out, is told at the end', () => {
  const verdict = { kind: 'failed', cause: 'errors', message: '4 of 40 requests failed' } as const;

  const told = tell([
    { kind: 'watching', size: 'one', elapsedMs: 300, bakeMs: 2_000, traffic: traffic(40, 4) },
    { kind: 'judged', judgement: verdict },
    { kind: 'draining', left: 1 },
    { kind: 'ended', record: { ...ended, verdict, traffic: traffic(80, 31) } },
  ]);

  expect(told.split('\n').at(-1)).toBe(
    'traffic  80 requests from start to end, 31 errors (27 after the verdict, until it was out), 0 lost',
  );
});

test('a rollout that was never watched tells its errors too, a good one those after its last watch', () => {
  const verdict = { kind: 'failed', cause: 'crashed', message: 'exit code 1' } as const;
  const last = (events: readonly RolloutEvent[]) => tell(events).split('\n').at(-1);

  expect(last([{ kind: 'ended', record: { ...ended, verdict, traffic: traffic(80, 3) } }])).toBe(
    'traffic  80 requests from start to end, 3 errors, 0 lost',
  );
  expect(
    last([
      { kind: 'watching', size: 'all', elapsedMs: 2_000, bakeMs: 2_000, traffic: traffic(40, 1) },
      { kind: 'judged', judgement: { kind: 'good' } },
      { kind: 'draining', left: 0 },
      { kind: 'ended', record: { ...ended, traffic: traffic(80, 3) } },
    ]),
  ).toBe('traffic  80 requests from start to end, 3 errors (2 after the last watch), 0 lost');
});

test('a replica that does not become ready says why, and the watch counts its errors', () => {
  const told = tell(
    [
      { kind: 'command', state: 'begun', command: ['bun', 'migrate.ts'] },
      { kind: 'command', state: 'done', command: ['bun', 'migrate.ts'] },
      { kind: 'starting', size: 'one', ready: 0, wanted: 1, waitingFor: 'GET /readyz: 503' },
      { kind: 'starting', size: 'one', ready: 1, wanted: 1 },
      { kind: 'watching', size: 'one', elapsedMs: 300, bakeMs: 2_000, traffic: traffic(40, 12) },
      { kind: 'unreachable', cause: 'connection refused' },
      { kind: 'held', forMs: 60_000 },
      { kind: 'watching', size: 'one', elapsedMs: 2_000, bakeMs: 2_000, traffic: traffic(1_240, 12) },
      { kind: 'starting', size: 'all', ready: 1, wanted: 3 },
      { kind: 'starting', size: 'all', ready: 3, wanted: 3 },
      { kind: 'watching', size: 'all', elapsedMs: 2_000, bakeMs: 2_000, traffic: traffic(2_000, 12) },
      { kind: 'judged', judgement: { kind: 'good' } },
      { kind: 'draining', left: 3 },
      { kind: 'draining', left: 1 },
    ],
    3,
  );

  expect(told).toMatchInlineSnapshot(`
    "> release  bun migrate.ts
    > release  bun migrate.ts
    release  bun migrate.ts
    > start    ○ 0 of 1 beside 3 stable: GET /readyz: 503
    > start    ● 1 of 1 beside 3 stable
    start    ● 1 of 1 beside 3 stable
    > watch    0.3 s of 2 s, 40 requests, 12 errors, 0 lost
    watch    0.3 s of 2 s, 40 requests, 12 errors, 0 lost
    > wait     no answer: connection refused
    wait     no answer: connection refused
    hold     good after 60 s at the earliest: routes may not know the new replicas yet
    > watch    2 s, 1,200 requests, 0 lost
    watch    2 s, 1,200 requests, 0 lost
    > start    ●○○ 1 of 3
    > start    ●●● 3 of 3, ready
    start    ●●● 3 of 3, ready
    > watch    2 s, 760 requests, 0 lost
    watch    2 s, 760 requests, 0 lost
    verdict  good
    > drain    3 earlier replicas, 3 left
    > drain    3 earlier replicas, 1 left"
  `);
});

test('where stable replicas give way it says how many are left, and how they come back', () => {
  const verdict = { kind: 'failed', cause: 'errors', message: '9 of 80 requests failed' } as const;

  const told = tell(
    [
      { kind: 'starting', size: 'one', ready: 1, wanted: 1, beside: 2 },
      { kind: 'watching', size: 'one', elapsedMs: 2_000, bakeMs: 2_000, traffic: traffic(80) },
      { kind: 'starting', size: 'all', ready: 1, wanted: 3, waitingFor: 'no node has room', beside: 1 },
      { kind: 'starting', size: 'all', ready: 2, wanted: 3, beside: 1 },
      { kind: 'judged', judgement: verdict },
      { kind: 'draining', left: 3, stable: { ready: 1, wanted: 3, waitingFor: 'no node has room' } },
      { kind: 'draining', left: 0, stable: { ready: 2, wanted: 3 } },
    ],
    3,
  );

  expect(told).toMatchInlineSnapshot(`
    "> start    ● 1 of 1 beside 2 stable
    start    ● 1 of 1 beside 2 stable
    > watch    2 s, 80 requests, 0 lost
    watch    2 s, 80 requests, 0 lost
    > start    ●○○ 1 of 3 beside 1 stable: no node has room
    > start    ●●○ 2 of 3 beside 1 stable
    start    ●●○ 2 of 3 beside 1 stable
    verdict  failed: errors, 9 of 80 requests failed
    > remove   3 candidate replicas, 3 left, 1 of 3 stable ready again: no node has room
    > remove   3 candidate replicas, gone, 2 of 3 stable ready again"
  `);
});

test('a resumed rollout says who began it, and one that fails removes its candidate', () => {
  const verdict = {
    kind: 'failed',
    cause: 'hung',
    message: 'GET /livez: no answer',
    evidence: { lines: ['last words'] },
  } as const;
  const told = tell([
    {
      kind: 'begun',
      isResumed: true,
      rollout: {
        id: 'r1',
        kind: 'deploy',
        by: 'ada@laptop',
        startedAt: 0,
        release: 'a'.repeat(64),
        artifact: 'sha256:00',
        command: 'none',
      },
    },
    { kind: 'starting', size: 'all', ready: 40, wanted: 40 },
    { kind: 'judged', judgement: { ...verdict, evidence: undefined } as never },
    { kind: 'draining', left: 40 },
    {
      kind: 'ended',
      record: {
        ...ended,
        verdict: { ...verdict, evidence: { lines: [...verdict.evidence.lines] } },
        traffic: traffic(1),
      },
    },
  ]);

  expect(told).toMatchInlineSnapshot(`
    "resume   the rollout that ada@laptop began
    > start    40 of 40, ready
    start    40 of 40, ready
    verdict  failed: hung, GET /livez: no answer
    > remove   40 candidate replicas, 40 left
    remove   40 candidate replicas, gone
    evidence it printed last
             │ last words"
  `);
});

test('a replica that could not be started is told once, with its path once', () => {
  const exit = "/srv/shop/run.sh did not start: ENOEXEC: unknown error, posix_spawn '/srv/shop/run.sh'";

  const told = tell([
    { kind: 'judged', judgement: { kind: 'failed', cause: 'crashed', message: `${exit} after 0 ms` } },
    { kind: 'evidence', evidence: { exit, lines: [] } },
  ]);

  expect(told).toBe(
    "verdict  failed: crashed, /srv/shop/run.sh did not start: ENOEXEC: unknown error, posix_spawn 'run.sh' after 0 ms",
  );
});

test('what befell the rollout is told between its steps', () => {
  const watching = {
    kind: 'watching',
    size: 'one',
    elapsedMs: 2_000,
    bakeMs: 2_000,
    traffic: traffic(0),
  } as const;

  const told = tell([watching, { kind: 'disturbed', what: 'stable replica shop-1 was deleted' }]);

  expect(told.split('\n').slice(-2)).toEqual([
    'watch    2 s, 0 requests, 0 lost',
    'note     stable replica shop-1 was deleted',
  ]);
});

test('what the preflight noted is told with what to do about it, and what needs nothing done is not', () => {
  const notes = [
    { isProblem: false, message: 'the cluster has no metrics-server', hint: 'install metrics-server' },
    { isProblem: false, message: 'images are pulled by Secret pull', hint: '' },
  ];

  expect(tell([{ kind: 'noted', notes }])).toBe(
    'note     the cluster has no metrics-server; install metrics-server',
  );
});
