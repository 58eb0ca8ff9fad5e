import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isFree } from '../../src/local/free-port.ts';
import { screenOf, shapeOf, stepsOf } from './page.ts';
import { processesBelow } from './project.ts';

setDefaultTimeout(150_000);

const repository = realpathSync(join(import.meta.dir, '..', '..'));
const readme = readFileSync(join(repository, 'README.md'), 'utf8');
const steps = stepsOf(readme, 'Try it');

/** What the README leaves to its reader. */
const given = { '<this repository>': `'${repository}'` };

describe('whoever types what the README says, in a folder with a space in its name, sees what it says', () => {
  const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-'));
  let folder = join(base, 'an empty folder');

  beforeAll(() => {
    if (!isFree(8080)) throw new Error('port 8080 is taken, and the README’s commands need it');
    mkdirSync(folder);
  });

  afterAll(() => {
    for (const pid of processesBelow([base])) process.kill(pid, 'SIGKILL');
    rmSync(base, { recursive: true, force: true });
  });

  test('the README leads from a clone to its end', () => {
    const commands = steps.map(({ command }) => command);

    expect(commands[0]).toStartWith('git clone ');
    expect(commands.at(-1)).toBe('./causeway down');
  });

  for (const { command, says } of steps)
    test(command, async () => {
      const { exitCode, screen } = await type(command);

      expect({ exitCode, screen: says.length === 0 ? [] : screen.map(shapeOf) }).toEqual({
        exitCode: 0,
        screen: says.map(shapeOf),
      });
    });

  test('and nothing runs any more', () => {
    expect(processesBelow([base])).toEqual([]);
    expect(isFree(8080)).toBe(true);
  });

  /** In a terminal of 80 columns, where the command before left the shell. */
  async function type(command: string) {
    const said = Object.entries(given).reduce((text, [name, value]) => text.replaceAll(name, value), command);
    const where = join(base, 'where');
    let written = '';
    const decoder = new TextDecoder();
    const child = Bun.spawn(['sh', '-c', `${said}\nended=$?; pwd >"$0"; exit $ended`, where], {
      cwd: folder,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? base,
        TERM: 'xterm',
        LANG: 'C.UTF-8',
        XDG_STATE_HOME: join(base, 'state'),
        XDG_RUNTIME_DIR: join(base, 'run'),
      },
      terminal: {
        cols: 80,
        rows: 24,
        data: (_, bytes) => {
          written += decoder.decode(bytes, { stream: true });
        },
      },
    });
    const exitCode = await child.exited;
    folder = readFileSync(where, 'utf8').trimEnd();
    return { exitCode, screen: screenOf(written) };
  }
});
