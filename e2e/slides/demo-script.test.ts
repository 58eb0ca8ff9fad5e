import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { have } from '../images/have.ts';
import { asRoot, mustRun, run } from '../images/run-program.ts';

setDefaultTimeout(5 * 60_000);

const root = join(import.meta.dir, '../..');

/** A place without a network, its own loopback aside; so port 8080 is free in it as well. */
const cutOff = await have('a network of its own', async () => {
  const argv = asRoot(['unshare', '--net', '--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']);
  await mustRun([...argv, 'true']);
  return argv;
});
if (cutOff) describe('the demo script', () => testScript(cutOff));

function testScript(cutOff: readonly string[]): void {
  const steps = readSteps(readFileSync(join(root, 'docs/slides/demo-script.md'), 'utf8'));
  let base = '';
  beforeAll(async () => {
    base = mkdtempSync(join(tmpdir(), 'causeway demo '));
    await mustRun(['git', 'clone', '--quiet', root, join(base, 'causeway')]);
    symlinkSync(join(root, 'node_modules'), join(base, 'causeway/node_modules'));
    // What is ignored is a folder of that name, and not a link.
    await Bun.write(join(base, 'causeway/.git/info/exclude'), 'node_modules\n');
  });
  afterAll(async () => {
    await mustRun(asRoot(['rm', '-rf', base]));
    rmSync(base, { recursive: true, force: true });
  });

  test('is walked through with the network cut, step by step, and leaves nothing', async () => {
    const cwd = join(base, 'causeway');
    const script = ['exec 2>&1', ...steps.map(({ command }) => `${command}\nprintf '\\nstep %s\\n' $?`)];
    await Bun.write(join(base, 'walk'), script.join('\n'));
    // Given by name, since sudo hands on nothing.
    const env = [
      ...['PATH', 'HOME'].map((name) => `${name}=${process.env[name]}`),
      `XDG_STATE_HOME=${join(base, 'state')}`,
      `XDG_CACHE_HOME=${join(base, 'cache')}`,
      'LANG=C.UTF-8',
      'CI=true',
    ];

    const { stdout } = await run([
      ...cutOff,
      'env',
      '--ignore-environment',
      '--chdir',
      cwd,
      ...env,
      'sh',
      join(base, 'walk'),
    ]);

    const outputs = stdout.split(/\nstep (\d+)\n/);
    const wrong = steps
      .map(({ command, exits }, i) => ({
        command,
        exits,
        ended: Number(outputs[2 * i + 1]),
        said: outputs[2 * i],
      }))
      .filter(({ exits, ended }) => exits !== ended);
    expect(wrong).toEqual([]);
    const said = (command: string) =>
      outputs[2 * steps.findLastIndex((step) => step.command.startsWith(command))];
    expect(said('git status')).toBe('');
    expect(said('./causeway demo --paced')).toContain('every promise was kept');
    const [, changed = 'no release'] = /^build +(\w+) .* 1 changed file/m.exec(outputs.join('\n')) ?? [];
    expect(said('curl')).toContain(`"release":"${changed}"`);
    expect(said('./causeway releases')).toContain(`●  ${changed}`);
    expect(said('./causeway releases')).toContain('crashed');
    expect(said('./causeway rollback')).toContain('verdict  good');
    expect(said('./causeway down')).toContain('4 of 4 gone');
  });
}

interface Step {
  readonly command: string;
  readonly exits: number;
}

/** The lines that begin with a prompt; what a step exits with stands behind it, where it is not 0. */
function readSteps(page: string): readonly Step[] {
  return [...page.matchAll(/^\$ (.+?)(?: +# exits with (\d))?$/gm)].map(([, command = '', exits]) => ({
    command,
    exits: Number(exits ?? 0),
  }));
}
