import { expect, test } from 'bun:test';
import type { Status } from '../../../core/environment.ts';
import { statusResultSchema } from '../../json.ts';
import { FakeTerminal, withoutIds } from '../../terminal/fake-terminal.ts';
import { makeStyle } from '../../terminal/style.ts';
import { nextAfter, showStatus, statusLine } from './show-status.ts';

const style = makeStyle({ stream: { isTerminal: false }, env: { LANG: 'C.UTF-8' }, isPlain: true });

test('an environment that is not up is an answer, with the command that makes it', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call('status');

  expect(exit).toBe(0);
  expect(stdout).toBe('local    is not up\n');
  expect(stderr).toBe('next     causeway up\n');
});

test('status tells the release, each replica and the traffic', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.environment.now += 180_000;

  const { stdout } = await terminal.call('status');

  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "local    serves   http://127.0.0.1:8080
    stable   <short>  no git  good for 3 min
    replica  ● <short>-1  ready for 60 s  no restart
    replica  ● <short>-2  ready for 60 s  1 restart
    traffic  240 requests, 0 errors, 0 lost
    "
  `);
});

test('a rollout under way and what is not well are told, with the next command', () => {
  const release = 'a'.repeat(64);
  const status: Status = {
    environment: 'production',
    target: 'local',
    state: 'rolling-out',
    url: 'http://127.0.0.1:8080',
    stable: { release, revision: 'main@4be21c0', since: 0 },
    rollout: {
      id: 'r1',
      kind: 'deploy',
      by: 'ada@laptop',
      startedAt: 58_000,
      release: 'b'.repeat(64),
      artifact: 'sha256:00',
      command: 'none',
    },
    running: [
      { id: 'aaaaaaa-1', release, phase: 'ready', restarts: 0, startedAt: 0 },
      {
        id: 'bbbbbbb-3',
        release: 'b'.repeat(64),
        phase: 'starting',
        restarts: 2,
        startedAt: 59_900,
        trouble: 'exit code 1',
      },
    ],
    because: 'one replica restarts again\x1b[2J',
  };

  const columns = Number.POSITIVE_INFINITY;
  const lines = showStatus(status, { style, now: 60_000, columns });

  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "production is rolling out   http://127.0.0.1:8080
               │ one replica restarts again\\u001b[2J
    stable     aaaaaaa  main@4be21c0  good for 60 s
    rollout    deploy of bbbbbbb  by ada@laptop for 2.0 s
    replica    ● aaaaaaa-1  ready for 60 s      no restart
    replica    ○ bbbbbbb-3  starting for 0.1 s  2 restarts  exit code 1"
  `);
  expect(nextAfter(status)).toEqual(['causeway status production --watch']);
});

test.each([40, 80])('on %d columns what is not well is told to its end, below where it begins', (columns) => {
  const release = 'a'.repeat(64);
  const trouble = 'image registry.example.com/team/shop@sha256:12ab12ab12ab… is not in the registry';
  const status: Status = {
    environment: 'local',
    target: 'local',
    state: 'degraded',
    stable: { release },
    running: [{ id: 'a-1', release, phase: 'starting', restarts: 0, startedAt: 0, trouble }],
    because: `0 of 1 replica ready: ${trouble}`,
  };

  const lines = showStatus(status, { style, now: 60_000, columns });

  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  const told = lines
    .map((line) => line.slice(9).replace('│ ', ''))
    .join('')
    .replaceAll(' ', '');
  expect(told.split(trouble.replaceAll(' ', ''))).toHaveLength(3);
});

test('who finds the stable release unwell is sent to its logs, in a cluster to what somebody changed as well', () => {
  const unwell: Omit<Status, 'target'> = { environment: 'staging', state: 'degraded', running: [] };

  expect(nextAfter({ ...unwell, target: 'local' })).toEqual([
    'causeway logs staging',
    'causeway rollback staging',
  ]);
  expect(nextAfter({ ...unwell, target: 'kubernetes' })).toEqual([
    'causeway logs staging',
    'causeway drift staging',
    'causeway rollback staging',
  ]);
});

test('a watch off a terminal is a line for each change', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { exit, stdout } = await terminal.call('status', '--watch');

  expect(exit).toBe(0);
  expect(withoutIds(stdout)).toMatchInlineSnapshot(`
    "00:16:40  local serves  <short>  2 of 2 replicas ready
    00:16:40  local is not up
    "
  `);
});

test('a watch on a terminal draws over what it drew', async () => {
  using terminal = new FakeTerminal({ isTerminal: true });
  await terminal.call('up');

  const { stdout } = await terminal.call('status', '--watch', '--no-color');

  expect(stdout).toContain('\x1b[5A\r');
  expect(stdout.endsWith('\x1b[J\r\x1b[K\x1b[?25h')).toBe(true);
});

test('a watch on a low terminal shows no more than it can draw over', async () => {
  using terminal = new FakeTerminal({ isTerminal: true, rows: 4 });
  await terminal.call('up');

  const { stdout } = await terminal.call('status', '--watch', '--no-color');

  expect(stdout).toContain('… 3 more lines');
  expect(stdout).toContain('\x1b[3A\r');
});

test('--watch --json is one document a line', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { stdout } = await terminal.call('status', '--watch', '--json');

  const documents = stdout
    .trimEnd()
    .split('\n')
    .map((line) => statusResultSchema.parse(JSON.parse(line)));
  expect(documents.map(({ state }) => state)).toEqual(['serving', 'absent']);
});

test('the line of a rollout names both releases', () => {
  const line = statusLine({
    environment: 'local',
    target: 'local',
    state: 'degraded',
    stable: { release: 'a'.repeat(64) },
    running: [{ id: '1', release: 'a'.repeat(64), phase: 'starting', restarts: 4, startedAt: 0 }],
    because: 'a replica crashes',
  });

  expect(line).toBe(
    'local is degraded: the stable release is not well  aaaaaaa  0 of 1 replica ready  a replica crashes',
  );
});
