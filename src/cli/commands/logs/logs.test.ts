import { describe, expect, test } from 'bun:test';
import { UserError } from '../../../core/errors.ts';
import type { Judgement } from '../../../core/verdict.ts';
import { logLineSchema, logsResultSchema } from '../../json.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

function withLines(): FakeTerminal {
  const terminal = new FakeTerminal();
  terminal.environment.isMade = true;
  terminal.environment.stable = { release: 'a'.repeat(64), since: 0 };
  terminal.environment.lines = [
    { at: 1_000, replica: 'aaaaaaa-1', release: 'a'.repeat(64), text: '{"level":"info"}' },
    { at: 2_500, replica: '2', release: 'b'.repeat(64), text: 'listening … ●' },
  ];
  return terminal;
}

test('each line stands behind its time and replica, and its own text is untouched', async () => {
  using terminal = withLines();

  const { stdout } = await terminal.call('logs');

  expect(stdout.replace(/\d\d:\d\d:/g, 'hh:mm:')).toBe(
    'hh:mm:01.000 aaaaaaa-1 {"level":"info"}\nhh:mm:02.500 bbbbbbb 2 listening … ●\n',
  );
});

test('on a terminal a line may colour itself, and nothing else', async () => {
  const printed = '\x1b[32mok\x1b[0m\t\x1b[2J\x1b]0;owned\x07';
  using terminal = new FakeTerminal({ isTerminal: true });
  using pipe = new FakeTerminal();
  for (const { environment } of [terminal, pipe])
    environment.lines = [{ at: 0, replica: '1', release: 'a'.repeat(64), text: printed }];

  expect((await terminal.call('logs')).stdout).toEndWith(
    '\x1b[32mok\x1b[0m\t\\u001b[2J\\u001b]0;owned\\u0007\x1b[0m\n',
  );
  expect((await pipe.call('logs')).stdout).toEndWith(`${printed}\n`);
});

test('-n takes the latest lines, --release those of one release', async () => {
  using terminal = withLines();

  expect((await terminal.call('logs', '-n', '1')).stdout).toContain('listening');
  expect((await terminal.call('logs', '-n', '1')).stdout).not.toContain('info');
  expect((await terminal.call('logs', '--release', 'aaaa')).stdout).not.toContain('listening');
});

test('--json is one document, with --follow one a line', async () => {
  using terminal = withLines();

  const whole = await terminal.call('logs', '--json');
  const followed = await terminal.call('logs', '--json', '--follow');

  expect(logsResultSchema.parse(JSON.parse(whole.stdout)).lines).toHaveLength(2);
  expect(
    followed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => logLineSchema.parse(JSON.parse(line)).at),
  ).toEqual([1_000, 2_500]);
});

test('--since that is no time is wrong usage', async () => {
  using terminal = withLines();

  const { exit, stderr } = await terminal.call('logs', '--since', 'yesterday');

  expect(exit).toBe(2);
  expect(stderr).toMatchInlineSnapshot(`
    "error: --since yesterday is not a span such as '5m' or a date such as '2026-07-01T09:30:00Z'
      hint: write a span such as '5m' or a date such as '2026-07-01T09:30:00Z' after --since
      help: docs/errors.md#usage_wrong
    "
  `);
});

test('--release that never ran here is an error, and says where to look', async () => {
  using terminal = withLines();

  const { exit, stdout, stderr } = await terminal.call('logs', '--release', 'ffff');

  expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
  expect(stderr).toMatchInlineSnapshot(`
    "error: local never ran release ffff
      hint: causeway releases local lists what ran there
      help: docs/errors.md#release_not_found
    "
  `);
});

test('--release of one that ran here is known by its record, though nothing is up', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  const { release = '' } = terminal.environment.stable ?? {};
  await terminal.call('down');

  const { exit, stderr } = await terminal.call('logs', '--release', release.slice(0, 7));

  expect({ exit, stderr }).toEqual({ exit: 0, stderr: 'logs     local is not up; its logs go with down\n' });
});

test('where nothing is up one line says so, and --follow that it waits', async () => {
  using terminal = new FakeTerminal();

  const plain = await terminal.call('logs');
  const followed = await terminal.call('logs', '-f');
  const json = await terminal.call('logs', '--json');

  expect(plain).toEqual({
    exit: 0,
    stdout: '',
    stderr: 'logs     local is not up; its logs go with down\nnext     causeway up\n',
  });
  expect(followed.stderr).toBe('logs     local is not up; this waits for what it will print\n');
  expect(logsResultSchema.parse(JSON.parse(json.stdout)).lines).toEqual([]);
});

test('an environment that does not answer has logs all the same', async () => {
  using terminal = withLines();
  terminal.environment.status = () =>
    Promise.reject(new UserError({ code: 'supervisor_failed', message: 'no answer', hint: 'none' }));

  const { exit, stdout } = await terminal.call('logs');

  expect(exit).toBe(0);
  expect(stdout).toContain('listening');
});

describe('of a release that has no replica and no log any more', () => {
  const verdict: Judgement = {
    kind: 'failed',
    cause: 'crashed',
    message: 'exit code 1 after 34 ms',
    evidence: { exit: 'exit code 1', lines: ['TypeError: x is not a function', '    at main.ts:3:1'] },
  };

  async function takenOut(judgement: Judgement = verdict) {
    const terminal = new FakeTerminal();
    terminal.environment.judgement = judgement;
    await terminal.call('up');
    const release = terminal.environment.records[0]?.release ?? '';
    return { terminal, release, [Symbol.dispose]: () => terminal[Symbol.dispose]() };
  }

  test('the last lines that its record kept are printed, and that they are no more than that', async () => {
    using at = await takenOut();
    const id = at.release.slice(0, 7);

    const { exit, stdout, stderr } = await at.terminal.call('logs', '--release', id);

    expect(exit).toBe(0);
    expect(stderr).toBe(
      `logs     ${id} has no replica and no log any more: this is what the record of its rollout kept of the last lines\n`,
    );
    expect(stdout).toBe(
      `${id} exit code 1\n${id} TypeError: x is not a function\n${id}     at main.ts:3:1\n`,
    );
  });

  test('--json has them apart from what replicas printed, and -n takes the latest', async () => {
    using at = await takenOut();

    const { stdout } = await at.terminal.call('logs', '--release', at.release, '--json', '-n', '1');

    expect(logsResultSchema.parse(JSON.parse(stdout))).toMatchObject({
      lines: [],
      evidence: { rollout: 'rollout-1', exit: 'exit code 1', lines: ['    at main.ts:3:1'] },
    });
  });

  test('one that was good has none, and that is said', async () => {
    using at = await takenOut({ kind: 'good' });
    at.terminal.environment.stable = undefined;

    const { exit, stdout, stderr } = await at.terminal.call('logs', '--release', at.release);

    expect({ exit, stdout }).toEqual({ exit: 0, stdout: '' });
    expect(stderr).toContain('has no replica any more, and no log of them is kept\n');
  });

  test('one whose replicas run and printed nothing is not called gone', async () => {
    using at = await takenOut({ kind: 'good' });

    const { stdout, stderr } = await at.terminal.call('logs', '--release', at.release);

    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
  });
});
