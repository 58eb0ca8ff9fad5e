import { expect, test } from 'bun:test';
import { parseConfig } from './config.ts';
import { UserError } from './errors.ts';
import { fakeConfig } from './fake-config.ts';
import { wrongExport } from './fake-wrong-config.ts';
import { seededRandom } from './seeded-random.ts';

const seed = Number(process.env.CAUSEWAY_SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`200 configs with one fault each are refused, each by naming its key (CAUSEWAY_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 200; round++) {
    const { config, key, meant, fault } = wrongExport(random);
    const about = `round ${round}: ${fault}`;

    const error = refusalOf(config);

    expect(error instanceof UserError ? error.code : error, about).toBe('config_wrong');
    const { message } = error as UserError;
    expect(message, about).toContain(key);
    if (meant !== undefined) expect(message, about).toContain(`did you mean ${meant}?`);
    expect(message, about).not.toMatch(/invalid input|expected|received|undefined is/i);
  }
});

test(`20 configs without a fault are taken (CAUSEWAY_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  for (let round = 0; round < 20; round++) {
    expect(() => parseConfig(fakeConfig(random), 'causeway.config.ts')).not.toThrow();
  }
});

function refusalOf(config: unknown): unknown {
  try {
    parseConfig(config, 'causeway.config.ts');
    return 'the config was accepted';
  } catch (error) {
    return error;
  }
}
