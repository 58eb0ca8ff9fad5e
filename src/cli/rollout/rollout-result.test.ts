import { expect, test } from 'bun:test';
import type { Status } from '../../core/environment.ts';
import { exitCodes } from '../../core/errors.ts';
import { makeRecord } from '../../core/record.ts';
import { failed } from '../../core/verdict.ts';
import { rolloutResultSchema } from '../json.ts';
import { makeStyle } from '../terminal/style.ts';
import { rolloutResult } from './rollout-result.ts';

const stable = 'a'.repeat(64);
const bad = 'b'.repeat(64);

test.each<[string, Status | undefined, 1 | 3, string]>([
  ['serves', made({ state: 'serving', running: ['ready', 'ready'] }), 3, 'aaaaaaa serves as before'],
  ['does not answer', undefined, 3, 'aaaaaaa serves as before'],
  [
    'serves with some of its replicas',
    made({ state: 'degraded', running: ['ready', 'starting'], because: '1 of 2 replicas ready: x' }),
    3,
    'aaaaaaa serves on, but not well: 1 of 2 replicas ready: x',
  ],
  [
    'has no replica that is ready',
    made({ state: 'degraded', running: ['starting'], because: '0 of 2 replicas ready: no engine' }),
    1,
    'aaaaaaa, which served, is not well: 0 of 2 replicas ready: no engine',
  ],
  ['was taken down', { ...made({ state: 'absent', running: [] }), stable: undefined }, 1, 'was taken down'],
  [
    'has stopped',
    made({ state: 'stopped', running: [], because: 'its supervisor has ended' }),
    1,
    'nothing runs: its supervisor has ended',
  ],
])('after a rollout that failed in an environment that %s, that is said', (_, status, exit, words) => {
  const { error, json } = rolloutResult(
    { out: makeStyle({ stream: { isTerminal: false }, env: {}, isPlain: true }) },
    { name: 'local', outcome: { kind: 'ended', record }, ...(status ? { status } : {}), elapsedMs: 1 },
  );

  expect(error?.message).toStartWith('release bbbbbbb is bad and was taken back; ');
  expect(error?.message).toEndWith(words);
  expect(error && exitCodes[error.exit]).toBe(exit);
  expect(rolloutResultSchema.parse(json).serves).toBe(exit === 3 ? stable : undefined);
});

const record = makeRecord({
  id: 'x',
  kind: 'deploy',
  release: bad,
  artifact: 'sha256:a',
  replaces: stable,
  by: 'ada',
  startedAt: 1,
  endedAt: 2,
  verdict: failed('crashed', 'exit code 1'),
  traffic: { requests: 0, errors: 0, lost: 0, retried: 0 },
});

function made({
  state,
  running,
  because,
}: {
  readonly state: Status['state'];
  readonly running: readonly Status['running'][number]['phase'][];
  readonly because?: string;
}): Status {
  return {
    environment: 'local',
    target: 'local',
    state,
    stable: { release: stable },
    running: running.map((phase, n) => ({ id: `${n}`, release: stable, phase, restarts: 0, startedAt: 1 })),
    ...(because ? { because } : {}),
  };
}
