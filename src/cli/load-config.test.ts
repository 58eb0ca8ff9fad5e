import { expect, test } from 'bun:test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from './load-config.ts';
import { FakeTerminal } from './terminal/fake-terminal.ts';

test('the nearest config above the working folder is found', async () => {
  using terminal = new FakeTerminal();
  const deep = join(terminal.folder, 'a', 'b');
  mkdirSync(deep, { recursive: true });

  const { config, folder } = await loadConfig({ cwd: deep });

  expect(config.project).toBe('probe');
  expect(folder).toBe(terminal.folder);
});

test.each([
  ['export default { project: 1 ', 'causeway.config.ts does not load: line 1, column 29: '],
  [
    'export default {\n a: 1 1,\n b: = 3,\n};',
    'causeway.config.ts does not load: line 2, column 7: Expected "}" but found "1" (and ',
  ],
  ['throw new Error("no luck");', 'causeway.config.ts does not load: no luck'],
  ['import "./nowhere.ts";', "causeway.config.ts does not load: Cannot find module './nowhere.ts'"],
  ['export const config = {};', 'causeway.config.ts has no default export'],
])('a config that reads %p is an error with its place', async (text, message) => {
  using terminal = new FakeTerminal({ files: { 'causeway.config.ts': `${text}\n` } });

  await expect(loadConfig({ cwd: terminal.folder })).rejects.toMatchObject({
    code: 'config_wrong',
    message: expect.stringContaining(message),
  });
});

test('a missing config is named as it was looked for', async () => {
  using terminal = new FakeTerminal();

  await expect(loadConfig({ cwd: '/' })).rejects.toMatchObject({
    code: 'config_not_found',
    message: 'no causeway.config.ts in / or in a folder above it',
    hint: 'cd to the project, name the file with --config, or write one: docs/service-contract.md#the-smallest-service has it',
  });
  await expect(loadConfig({ cwd: terminal.folder, file: 'other.ts' })).rejects.toMatchObject({
    code: 'config_not_found',
    message: 'there is no config other.ts',
  });
});

test('a folder after --config is named as one, with the config in it', async () => {
  using terminal = new FakeTerminal({
    files: { 'shop/causeway.config.ts': 'export default 1;\n', 'docs/a.md': '' },
  });
  const load = (file: string) => loadConfig({ cwd: terminal.folder, file });

  await expect(load('shop')).rejects.toMatchObject({
    code: 'config_not_found',
    message: 'shop is a folder, not a config',
    hint: 'did you mean --config shop/causeway.config.ts?',
  });
  await expect(load('docs/')).rejects.toMatchObject({
    message: 'docs/ is a folder, not a config',
    hint: 'there is no causeway.config.ts in it; give the path of a file after --config',
  });
});

test('a folder whose name has characters of a URL is no matter', async () => {
  using terminal = new FakeTerminal({ files: { 'a#b?c%20/causeway.config.ts': 'export default 1;\n' } });

  await expect(loadConfig({ cwd: join(terminal.folder, 'a#b?c%20') })).rejects.toMatchObject({
    code: 'config_wrong',
  });
});
