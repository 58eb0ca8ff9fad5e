import { expect, test } from 'bun:test';
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
