import { expect, test } from 'bun:test';
import { makeRecord, type RolloutRecord } from '../../../core/record.ts';
import { releasesResultSchema } from '../../json.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

const good: RolloutRecord = makeRecord({
  id: 'r1',
  kind: 'deploy',
  release: 'a1'.repeat(32),
  artifact: 'sha256:01',
  by: 'ada@laptop',
  revision: 'main@4be21c0 and 2 changed files',
  startedAt: 0,
  endedAt: 600_000,
  verdict: { kind: 'good' },
  traffic: { requests: 12_345, errors: 0, lost: 0, retried: 0 },
});
const bad: RolloutRecord = {
  ...good,
  id: 'r2',
  release: 'b2'.repeat(32),
  revision: 'main@77e0d12',
  endedAt: 940_000,
  verdict: {
    kind: 'failed',
    cause: 'errors',
    message: '12 of 40 requests failed, of the stable release 0 of 400',
  },
  traffic: { requests: 440, errors: 12, lost: 0, retried: 1 },
};
const back: RolloutRecord = { ...good, id: 'r3', kind: 'rollback', endedAt: 999_000 };
delete (back as { revision?: string }).revision;

function withRecords(options: ConstructorParameters<typeof FakeTerminal>[0] = {}): FakeTerminal {
  const terminal = new FakeTerminal(options);
  terminal.environment.isMade = true;
  terminal.environment.stable = { release: good.release, since: 0 };
  terminal.environment.records = [good, bad, back];
  return terminal;
}

test('off a terminal the whole table is printed, latest first', async () => {
  using terminal = withRecords();

  const { stdout } = await terminal.call('releases');

  expect(stdout).toMatchInlineSnapshot(`
    "   release  revision                          when       by          kind      verdict                                                                   requests  lost  errors
    ●  a1a1a1a  main@4be21c0 and 2 changed files  1.0 s ago  ada@laptop  rollback  good                                                                        12,345     0       0
       b2b2b2b  main@77e0d12                      60 s ago   ada@laptop  deploy    failed: errors, 12 of 40 requests failed, of the stable release 0 of 400       440     0      12
       a1a1a1a  main@4be21c0 and 2 changed files  7 min ago  ada@laptop  deploy    good                                                                        12,345     0       0
    "
  `);
});

test('in 80 columns who did it is left out, and why a rollout failed stands below it', async () => {
  using terminal = withRecords({ isTerminal: true, columns: 80 });

  const { stdout } = await terminal.call('releases', '--no-color');

  expect(stdout).toMatchInlineSnapshot(`
    "   release  revision    when       kind      verdict  requests  lost  errors
    ●  a1a1a1a  4be21c0 +2  1.0 s ago  rollback  good       12,345     0       0
       b2b2b2b  77e0d12     60 s ago   deploy    failed        440     0      12
       │ errors, 12 of 40 requests failed, of the stable release 0 of 400
       a1a1a1a  4be21c0 +2  7 min ago  deploy    good       12,345     0       0
    "
  `);
  expect(stdout.split('\n').every((line) => Bun.stringWidth(line) <= 80)).toBe(true);
});

test('in 200 columns everything is shown', async () => {
  using terminal = withRecords({ isTerminal: true, columns: 200 });

  const { stdout } = await terminal.call('releases', '--no-color');

  expect(stdout).toContain('failed: errors, 12 of 40 requests failed, of the stable release 0 of 400');
  expect(stdout).toContain('main@4be21c0 and 2 changed files');
});

test('--limit takes the latest, and --json tells which release serves', async () => {
  using terminal = withRecords();

  const { stdout } = await terminal.call('releases', '--limit', '2', '--json');

  const result = releasesResultSchema.parse(JSON.parse(stdout));
  expect(result.rollouts.map(({ id }) => id)).toEqual(['r3', 'r2']);
  expect(result.stable).toBe(good.release);
});

test('a limit that is no number is wrong usage', async () => {
  using terminal = withRecords();

  const { exit, stderr } = await terminal.call('releases', '--limit', 'many');

  expect(exit).toBe(2);
  expect(stderr).toContain('error: --limit many is not a whole number above 0\n');
});

test('without a rollout the command that makes one is named', async () => {
  using terminal = new FakeTerminal();

  const { stdout, stderr } = await terminal.call('releases');

  expect(stdout).toBe('nothing was rolled out on local yet\n');
  expect(stderr).toBe('next     causeway up\n');
});

test('a rollback keeps the revision that its release had been deployed from, whatever is deployed later', async () => {
  using terminal = withRecords();
  const again: RolloutRecord = { ...good, id: 'r4', revision: 'main@c0ffee1', endedAt: 999_500 };
  terminal.environment.records = [good, bad, back, again];

  const { stdout } = await terminal.call('releases');

  const revisions = stdout.split('\n').map((line) => /main@[0-9a-f]+/.exec(line)?.[0]);
  expect(revisions.slice(1, 5)).toEqual(['main@c0ffee1', 'main@4be21c0', 'main@77e0d12', 'main@4be21c0']);
});

test('a good release of which no copy is kept is told, as no rollback can return to it', async () => {
  using terminal = withRecords();
  const gone: RolloutRecord = { ...good, id: 'r0', release: 'c3'.repeat(32) };
  terminal.environment.records = [gone, good, bad];
  terminal.environment.cleared.add(gone.release).add(bad.release);

  const { stdout } = await terminal.call('releases');
  const json = await terminal.call('releases', '--json');

  const told = stdout.split('\n').map((line) => /good, not kept|good|failed/.exec(line)?.[0]);
  expect(told.slice(1, 4)).toEqual(['failed', 'good', 'good, not kept']);
  expect(releasesResultSchema.parse(JSON.parse(json.stdout)).gone).toEqual([gone.release]);
});
