import { expect, test } from 'bun:test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fakeLoader } from './fake-loader.ts';
import { loadConfig } from './load-config.ts';
import { configText, FakeTerminal } from './terminal/fake-terminal.ts';

test('the nearest config above the working folder is found', async () => {
  using terminal = new FakeTerminal();
  const deep = join(terminal.folder, 'a', 'b');
  mkdirSync(deep, { recursive: true });

  const { config, folder } = await loadConfig(fakeLoader(deep));

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

  await expect(loadConfig(fakeLoader(terminal.folder))).rejects.toMatchObject({
    code: 'config_wrong',
    message: expect.stringContaining(message),
  });
});

test('an interruption does not wait for a config that never loads', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': `await new Promise(() => {});\n${configText()}` },
  });
  const interrupt = new AbortController();

  const loaded = loadConfig(fakeLoader(terminal.folder, { signal: interrupt.signal }));
  interrupt.abort(new Error('interrupted'));

  await expect(loaded).rejects.toThrow('interrupted');
});

test('a config that takes long is said to be still loading, once', async () => {
  using terminal = new FakeTerminal({
    files: { 'causeway.config.ts': `await new Promise(() => {});\n${configText()}` },
  });
  const interrupt = new AbortController();
  const ticks = new Set<() => void>();
  const every = (_: number, tick: () => void) => {
    ticks.add(tick);
    return () => ticks.delete(tick);
  };

  const loader = fakeLoader(terminal.folder, { signal: interrupt.signal, every });
  const loaded = loadConfig(loader);
  for (const tick of [...ticks, ...ticks]) tick();
  interrupt.abort(new Error('interrupted'));

  await expect(loaded).rejects.toThrow('interrupted');
  expect(loader.said).toEqual(['causeway.config.ts is still loading\n']);
  expect(ticks.size).toBe(0);
});

test('a missing config is named as it was looked for', async () => {
  using terminal = new FakeTerminal();

  await expect(loadConfig(fakeLoader('/'))).rejects.toMatchObject({
    code: 'config_not_found',
    message: 'no causeway.config.ts in / or in a folder above it',
    hint: 'cd to the project, name the file with --config, or write one: docs/service-contract.md#the-smallest-service has it',
  });
  await expect(loadConfig(fakeLoader(terminal.folder, { file: 'other.ts' }))).rejects.toMatchObject({
    code: 'config_not_found',
    message: 'there is no config other.ts',
  });
});

test('a folder after --config is named as one, with the config in it', async () => {
  using terminal = new FakeTerminal({
    files: { 'shop/causeway.config.ts': 'export default 1;\n', 'docs/a.md': '' },
  });
  const at = (file: string) => loadConfig(fakeLoader(terminal.folder, { file }));

  await expect(at('shop')).rejects.toMatchObject({
    code: 'config_not_found',
    message: 'shop is a folder, not a config',
    hint: 'did you mean --config shop/causeway.config.ts?',
  });
  await expect(at('docs/')).rejects.toMatchObject({
    message: 'docs/ is a folder, not a config',
    hint: 'there is no causeway.config.ts in it; give the path of a file after --config',
  });
});

test('a folder whose name has characters of a URL is no matter', async () => {
  using terminal = new FakeTerminal({ files: { 'a#b?c%20/causeway.config.ts': 'export default 1;\n' } });

  await expect(loadConfig(fakeLoader(join(terminal.folder, 'a#b?c%20')))).rejects.toMatchObject({
    code: 'config_wrong',
  });
});
