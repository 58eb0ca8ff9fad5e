import { expect, test } from 'bun:test';
import { clusterTerminal } from '../../fake-cluster.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

test('exec runs the words after -- inside a replica, and ends with their exit code', async () => {
  using at = clusterTerminal();
  at.cluster.execExit = 7;

  const { exit, stderr } = await at.terminal.call('exec', 'prod', '--', 'cat', '/x');

  expect(exit).toBe(7);
  expect(at.cluster.executed).toEqual([['cat', '/x']]);
  expect(stderr).toBe(
    [
      'error: cat /x ended with exit code 7',
      '  hint: read its output above; the replica goes on serving',
      '  help: docs/errors.md#one_off_failed\n',
    ].join('\n'),
  );
});

test('without a command, and with --json, exec is used wrongly', async () => {
  using at = clusterTerminal();

  const empty = await at.terminal.call('exec', 'prod');
  const json = await at.terminal.call('exec', 'prod', '--json', '--', 'ls');

  expect([empty.exit, json.exit]).toEqual([2, 2]);
  expect(empty.stderr).toContain('  hint: give it after --: causeway exec staging -- sh\n');
  expect(json.stderr).toContain('error: causeway exec has no --json: its output is the command’s own\n');
});

test('on this machine there is nothing to enter, and run is named instead', async () => {
  using terminal = new FakeTerminal();

  const { exit, stderr } = await terminal.call('exec', '--', 'ls');

  expect(exit).toBe(2);
  expect(stderr).toContain('  hint: causeway run local -- ls runs it beside them\n');
});
