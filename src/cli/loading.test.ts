import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configText } from './terminal/fake-terminal.ts';

const home = mkdtempSync(join(tmpdir(), 'causeway loading '));
afterAll(() => rmSync(home, { recursive: true }));
writeFileSync(join(home, 'causeway.config.ts'), configText());

const program = `
import { openEnvironment, listStored, publishAgent } from '${import.meta.dir}/open-environment.ts';
import { processIo } from '${import.meta.dir}/process-io.ts';
import { runCli } from '${import.meta.dir}/run-cli.ts';
const { io } = processIo(process, { openEnvironment, listStored, publishAgent });
const exit = await runCli(process.argv.slice(1), io);
console.error(JSON.stringify({ exit, loaded: Object.keys(require.cache) }));
`;

async function loadedBy(...words: string[]): Promise<readonly string[]> {
  const child = Bun.spawn([process.execPath, '--no-install', '--eval', program, '--', ...words], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = (await child.stderr.text()).trimEnd().split('\n');
  const { exit, loaded } = JSON.parse(said.at(-1) ?? '');
  expect(exit).toBe(0);
  return loaded.filter((path: string) => path.startsWith(join(import.meta.dir, '..')));
}

test('help loads the grammar alone: no layer but that of commands, and no schema', async () => {
  const loaded = await loadedBy('help');

  expect(loaded).toContain(join(import.meta.dir, 'program.ts'));
  expect(loaded.filter((path) => !/src\/(cli|core)\//.test(path))).toEqual([]);
  expect(loaded.filter((path) => /\/(config|json|environment)\.ts$/.test(path))).toEqual([]);
});

test.each(['status', 'releases'])('%s loads nothing of images, and nothing of clusters', async (command) => {
  const loaded = await loadedBy(command);

  expect(loaded).toContain(join(import.meta.dir, '..', 'local', 'environment.ts'));
  expect(loaded.filter((path) => /\/src\/(image|kubernetes)\//.test(path))).toEqual([]);
});
