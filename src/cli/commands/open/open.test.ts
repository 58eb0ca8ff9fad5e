import { expect, test } from 'bun:test';
import { clusterTerminal } from '../../fake-cluster.ts';
import { openResultSchema } from '../../json.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

test('off a terminal the URL is printed, and no browser is opened', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { stdout } = await terminal.call('open');

  expect(stdout).toBe('http://127.0.0.1:8080\n');
  expect(terminal.browsed).toEqual([]);
});

test('on a terminal the browser shows it, except with --json', async () => {
  using terminal = new FakeTerminal({ isTerminal: true });
  await terminal.call('up');

  await terminal.call('open');
  const { stdout } = await terminal.call('open', '--json');

  expect(terminal.browsed).toEqual(['http://127.0.0.1:8080']);
  expect(openResultSchema.parse(JSON.parse(stdout)).url).toBe('http://127.0.0.1:8080');
});

test('where nothing runs there is no URL', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout, stderr } = await terminal.call('open');

  expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
  expect(stderr).toContain('error: local has no URL: nothing runs there\n  hint: causeway up local\n');
});

test('a service that is reached inside its cluster alone is open on this machine until Ctrl-C', async () => {
  using at = clusterTerminal();
  await at.cluster.make();
  const opening = at.terminal.call('open', 'prod');

  await at.terminal.said('open until Ctrl-C');
  at.terminal.interrupt();

  expect(await opening).toEqual({
    exit: 130,
    stdout: 'http://127.0.0.1:41234\n',
    stderr: 'open until Ctrl-C, for this machine alone\n',
  });
});

test('where a cluster has a URL for it, that is printed', async () => {
  using at = clusterTerminal();
  await at.cluster.make();
  at.cluster.url = 'http://203.0.113.7';

  expect((await at.terminal.call('open', 'prod')).stdout).toBe('http://203.0.113.7\n');
});
