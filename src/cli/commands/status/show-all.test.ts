import { expect, test } from 'bun:test';
import { parseConfig } from '../../../core/config.ts';
import { downAllResultSchema, statusAllResultSchema } from '../../json.ts';
import type { StoredPlace } from '../../open-environment.ts';
import { FakeTerminal } from '../../terminal/fake-terminal.ts';

test('all environments of this machine are listed, also those whose config is gone', async () => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': 'export default {;' } });
  terminal.stored = [stored('local', '/home/ada/shop', true), stored('rehearsal', '/gone', false)];

  const { exit, stdout } = await terminal.call('status', '--all');
  const json = await terminal.call('status', '--all', '--json');

  expect(exit).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "   project  environment  made from
    ●  shop     local        /home/ada/shop
    ○  shop     rehearsal    /gone
    "
  `);
  expect(statusAllResultSchema.parse(JSON.parse(json.stdout)).environments).toHaveLength(2);
});

test('down --all takes down those that run', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.stored = [stored('local', '/gone', true), stored('rehearsal', '/gone', false)];

  const { exit, stdout } = await terminal.call('down', '--all', '--json');

  expect(exit).toBe(0);
  expect(downAllResultSchema.parse(JSON.parse(stdout)).receipts).toHaveLength(1);
});

test('a config that does not load keeps nobody from what needs no config, and is said', async () => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': 'export default {;' } });
  terminal.stored = [stored('local', terminal.folder, true)];

  const status = await terminal.call('status');
  const deploy = await terminal.call('deploy');

  expect(status.exit).toBe(0);
  expect(status.stderr).toStartWith('warning: causeway.config.ts does not load: ');
  expect(status.stderr).toContain('; going by what was rolled out last\n');
  expect(deploy.exit).toBe(2);
});

test('a context that an environment does not take is refused once, whatever was rolled out', async () => {
  using terminal = new FakeTerminal();
  terminal.stored = [stored('local', terminal.folder, true)];

  const { exit, stderr } = await terminal.call('status', '--context', 'kind-kind');

  expect(exit).toBe(2);
  expect(stderr).toStartWith('error: local is on this machine, and --context kind-kind chooses a cluster\n');
});

test('an environment that the config no longer names can still be taken down', async () => {
  using terminal = new FakeTerminal();
  await terminal.call('up');
  terminal.stored = [stored('rehearsal', terminal.folder, true)];

  const { exit, stderr } = await terminal.call('down', 'rehearsal');

  expect(exit).toBe(0);
  expect(stderr).toContain('the config has no environment rehearsal');
});

function stored(name: string, folder: string, isRunning: boolean): StoredPlace {
  const exported = {
    project: 'shop',
    service: { entry: 'a.ts' },
    environments: { [name]: { target: 'local' } },
  };
  return { project: 'shop', folder, name, config: parseConfig(exported, 'causeway.config.ts'), isRunning };
}
