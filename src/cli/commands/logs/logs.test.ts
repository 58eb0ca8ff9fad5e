import { expect, test } from 'bun:test';
import { logLineSchema, logsResultSchema } from '../../json.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

function withLines(): FakeTerminal {
  const terminal = new FakeTerminal();
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
