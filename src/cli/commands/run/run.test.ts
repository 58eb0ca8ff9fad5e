import { expect, test } from 'bun:test';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

test('run ends with the exit code of the command', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.oneOffExit = 7;

  const { exit, stderr } = await terminal.call('run', '--', 'bun', 'migrate.ts', '--json');

  expect(exit).toBe(7);
  expect(stderr).toContain('error: bun migrate.ts --json ended with exit code 7\n');
});

test('Ctrl-C that ends the command is no failure of it', async () => {
  using terminal = new FakeTerminal();
  terminal.environment.run = async () => {
    terminal.interrupt();
    return 130;
  };

  const { exit, stderr } = await terminal.call('run', '--', 'sleep', '20');

  expect(exit).toBe(130);
  expect(stderr).toBe('interrupted: sleep 20 was ended; what serves was not touched\n');
});

test('run that succeeds says nothing of its own', async () => {
  using terminal = new FakeTerminal();

  expect(await terminal.call('run', 'local', '--', 'true')).toEqual({ exit: 0, stdout: '', stderr: '' });
});

test.each([
  [['run'], 'causeway run has no command to run'],
  [['run', '--json', '--', 'true'], 'causeway run has no --json: its output is the command’s own'],
  [['status', '--', 'true'], 'causeway status takes no command after --: true'],
])('%p is wrong usage', async (words, message) => {
  using terminal = new FakeTerminal();

  const { exit, stderr } = await terminal.call(...words);

  expect(exit).toBe(2);
  expect(stderr).toContain(`error: ${message}\n`);
});
