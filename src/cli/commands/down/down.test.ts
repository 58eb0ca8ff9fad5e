import { expect, test } from 'bun:test';
import { clusterTerminal } from '../../fake-cluster.ts';
import { downResultSchema } from '../../json.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

test('the receipt names each thing that is gone, and what is kept', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { exit, stdout, stderr } = await terminal.call('down');

  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toMatchInlineSnapshot(`
    "✓ supervisor: gone
    ✓ port 8080: gone
    · kept: history
    local    2 of 2 gone                                  0.00 s
    "
  `);
});

test('down where nothing is up says so, and is done', async () => {
  using terminal = new FakeTerminal();

  const { exit, stdout } = await terminal.call('down');

  expect(exit).toBe(0);
  expect(stdout).toContain('nothing was there');
});

test('something that is left is a failure', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.environment.left = ['port 8080'];

  const { exit, stdout, stderr } = await terminal.call('down');

  expect(exit).toBe(1);
  expect(stdout).toContain('✗ port 8080: still there\n');
  expect(stderr).toBe('left     1 of 2 things is still there\nnext     causeway down local tries again\n');
});

test('--json is the receipt', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');

  const { stdout } = await terminal.call('down', '--json');

  expect(downResultSchema.parse(JSON.parse(stdout)).items).toHaveLength(2);
});

test('off a terminal, and with --json, what a cluster has is taken away with --yes alone', async () => {
  using at = clusterTerminal();
  await at.cluster.make();
  using asked = clusterTerminal();
  asked.terminal.answer = 'prod';

  const refused = await at.terminal.call('down', 'prod');
  const json = await asked.terminal.call('down', 'prod', '--json');
  const stillThere = at.cluster.isMade;
  const sure = await at.terminal.call('down', 'prod', '--yes');

  expect([refused.exit, json.exit, sure.exit]).toEqual([2, 2, 0]);
  expect(stillThere).toBe(true);
  expect(asked.terminal.asked).toEqual([]);
  expect(refused.stderr).toBe(
    [
      'cluster  kind-kind  https://127.0.0.1:6443  namespace probe-prod',
      'error: down takes prod off its cluster for good, and there is nobody to ask',
      '  hint: causeway down prod --yes, if that is what you want',
      '  help: docs/errors.md#usage_wrong\n',
    ].join('\n'),
  );
});

test('on a terminal the name is asked for, and another word takes nothing away', async () => {
  using at = clusterTerminal();
  await at.cluster.make();

  at.terminal.answer = 'y';
  const refused = await at.terminal.call('down', 'prod');
  const stillThere = at.cluster.isMade;
  at.terminal.answer = 'prod';
  const taken = await at.terminal.call('down', 'prod');

  expect([refused.exit, taken.exit]).toEqual([4, 0]);
  expect(stillThere).toBe(true);
  expect(at.cluster.isMade).toBe(false);
  expect(at.terminal.asked).toEqual(Array(2).fill('type prod to take it off its cluster for good: '));
  expect(refused.stderr).toContain("error: 'y' is not prod\n  hint: nothing was taken away; ");
});
