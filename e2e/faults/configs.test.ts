import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeLoader } from '../../src/cli/fake-loader.ts';
import { loadConfig } from '../../src/cli/load-config.ts';
import { errorKinds, UserError } from '../../src/core/errors.ts';
import { fakeConfig } from '../../src/core/fake-config.ts';
import { wrongConfig } from '../../src/core/fake-wrong-config.ts';
import { seededRandom } from '../../src/core/seeded-random.ts';
import { envBelow, stackLine, startCauseway } from '../local/project.ts';
import { replays, seed, sized } from '../proof.ts';

const rounds = sized({ ci: 200, full: 1_000 });
const throughTheCommand = sized({ ci: 8, full: 50 });

setDefaultTimeout(120_000);

const base = mkdtempSync(join(realpathSync('/tmp'), 'cw-configs-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test(`${rounds} configs with one fault each are refused by the key that is wrong, and by the one that was meant (CAUSEWAY_SEED=${seed})`, async () => {
  const random = seededRandom(seed);
  for (let round = 0; round < rounds; round += 1) {
    const { config, key, meant, fault } = wrongConfig(random);
    const folder = write(round, config);
    const about = `${replays}; round ${round}: ${fault}`;

    const error = await loadConfig(fakeLoader(folder)).then(
      () => new Error('it was taken'),
      (refused: Error) => refused,
    );

    expect(error instanceof UserError ? error.code : String(error), about).toBe('config_wrong');
    const { message, hint } = error as UserError;
    expect(message, about).toContain(key);
    if (meant !== undefined) expect(message, about).toContain(`did you mean ${meant}?`);
    expect(hint, about).toMatch(/^docs\/config\.md(#\S+ says what \S+ may be| lists every key)/);
    expect(message, about).not.toMatch(/invalid input|expected|received|undefined is|\n\s+at /i);
  }
});

test(`${throughTheCommand} of them end the command with 2 and no stack (CAUSEWAY_SEED=${seed})`, async () => {
  const random = seededRandom(seed + 1);
  for (let round = 0; round < throughTheCommand; round += 1) {
    const { config, key, fault } = wrongConfig(random);
    const folder = write(rounds + round, config);
    const about = `${replays}; round ${round}: ${fault}`;

    const { ended } = startCauseway({ args: ['plan', '--json'], folder, env: envBelow(base) });
    const { exitCode, stderr, json } = await ended;

    expect([exitCode, errorKinds.config_wrong.exit, json().error?.code], about).toEqual([
      2,
      'wrongUsage',
      'config_wrong',
    ]);
    expect(json().error?.message, about).toContain(key);
    expect(stderr, about).toContain('  hint: ');
    expect(stderr, about).not.toMatch(stackLine);
  }
});

test(`20 configs without a fault are taken (CAUSEWAY_SEED=${seed})`, async () => {
  const random = seededRandom(seed + 2);
  for (let round = 0; round < 20; round += 1) {
    const config = fakeConfig(random);
    const folder = write(rounds + throughTheCommand + round, config);

    const loaded = await loadConfig(fakeLoader(folder));

    expect(loaded.config.project, replays).toBe(config.project);
  }
});

function write(number: number, config: unknown): string {
  const folder = join(base, String(number));
  mkdirSync(folder);
  writeFileSync(join(folder, 'causeway.config.ts'), `export default ${JSON.stringify(config, null, 2)};\n`);
  return folder;
}
