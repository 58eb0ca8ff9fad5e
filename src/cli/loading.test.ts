import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { configText } from './terminal/fake-terminal.ts';

const home = mkdtempSync(join(tmpdir(), 'causeway loading '));
afterAll(() => rmSync(home, { recursive: true }));
const production = { target: 'aws', region: 'eu-central-1' };
writeFileSync(join(home, 'causeway.config.ts'), configText({}, {}, {}, { production }));

const repository = join(import.meta.dir, '..', '..');

const program = `
import { openEnvironment, listStored, publishAgent } from '${import.meta.dir}/open-environment.ts';
import { processIo } from '${import.meta.dir}/process-io.ts';
import { runCli } from '${import.meta.dir}/run-cli.ts';
const { io } = processIo(process, { openEnvironment, listStored, publishAgent });
const exit = await runCli(process.argv.slice(1), io);
console.error(JSON.stringify({ exit, loaded: Object.keys(require.cache) }));
`;

async function loadedBy(...words: string[]): Promise<readonly string[]> {
  const { exit, loaded } = await end(words);
  expect(exit).toBe(0);
  return loaded.filter((path) => path.startsWith(join(repository, 'src')));
}

/** Modules of this repository alone. */
async function end(words: readonly string[]): Promise<{ exit: number; loaded: readonly string[] }> {
  const child = Bun.spawn([process.execPath, '--no-install', '--eval', program, '--', ...words], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = (await child.stderr.text()).trimEnd().split('\n');
  const { exit, loaded } = JSON.parse(said.at(-1) ?? '');
  return { exit, loaded: loaded.filter((path: string) => path.startsWith(repository)) };
}

test('help loads the grammar alone: a command.ts loads its work, its layers and its schema by await import()', async () => {
  const loaded = await loadedBy('help');

  expect(loaded).toContain(join(import.meta.dir, 'program.ts'));
  const work = loaded.filter(
    (path) => !/\/src\/(cli|core)\//.test(path) || /\/(config|json|environment)\.ts$/.test(path),
  );
  const ways = waysFrom(join(import.meta.dir, 'program.ts'));
  expect(work.map((path) => ways.get(path) ?? path)).toEqual([]);
});

/** Each file that is loaded with this one, and by which imports: `src/cli/program.ts > src/cli/cli.ts`. */
function waysFrom(path: string, way = relative(repository, path), found = new Map<string, string>()) {
  found.set(path, way);
  for (const { kind, path: from } of transpiler.scanImports(readFileSync(path, 'utf8'))) {
    const next = resolve(dirname(path), from);
    if (kind === 'import-statement' && /^\..*\.ts$/.test(from) && !found.has(next))
      waysFrom(next, `${way} > ${relative(repository, next)}`, found);
  }
  return found;
}

const transpiler = new Bun.Transpiler({ loader: 'ts' });

test.each(['status', 'releases'])(
  '%s loads nothing of images, nothing of clusters, and no part of the runtime that takes long',
  async (command) => {
    const loaded = await loadedBy(command);

    expect(loaded).toContain(join(import.meta.dir, '..', 'local', 'environment.ts'));
    expect(loaded.filter((path) => /\/src\/(image|kubernetes)\//.test(path))).toEqual([]);
    const imports = loaded.flatMap((path) => transpiler.scanImports(readFileSync(path, 'utf8')));
    expect(imports.map(({ path }) => path)).not.toContain('node:crypto');
  },
);

test.each(['status', 'plan', 'down'])(
  '%s of another target loads nothing of a cloud beside it, and installs nothing of it',
  async (command) => {
    const { loaded } = await end([command]);

    expect(loaded.filter((path) => /^(aws|src\/cloud)\//.test(relative(repository, path)))).toEqual([]);
    expect(existsSync(join(home, '.cache', 'causeway', 'packages'))).toBe(false);
  },
);
