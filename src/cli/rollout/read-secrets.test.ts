import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretSource } from '../../core/config.ts';
import { UserError } from '../../core/errors.ts';
import { readSecrets } from './read-secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway secrets '));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'token'), 's3cret \n');
writeFileSync(join(folder, 'blank'), '\n');
const io = { env: { PATH: process.env.PATH, FILLED: 'v4lue', BLANK: '' } };

const read = (source: SecretSource) => readSecrets({ TOKEN: source }, folder, io);

test('a secret is read from its variable, file or command, without its last line break', async () => {
  expect(await read({ env: 'FILLED' })).toEqual({ TOKEN: 'v4lue' });
  expect(await read({ file: 'token' })).toEqual({ TOKEN: 's3cret ' });
  expect(await read({ command: ['printf', 'a\\nb\\n'] })).toEqual({ TOKEN: 'a\nb' });
});

test.each<[SecretSource, string]>([
  [{ env: 'ABSENT' }, 'the variable ABSENT is not set'],
  [{ env: 'BLANK' }, 'the variable BLANK is empty'],
  [{ file: 'nowhere' }, 'the file nowhere cannot be read (ENOENT)'],
  [{ file: 'blank' }, 'the file blank is empty'],
  [{ command: ['false'] }, 'false ended with exit code 1'],
  [{ command: ['true'] }, 'true printed nothing'],
  [{ command: ['no-such-program'] }, 'no-such-program did not start'],
])('a secret missing from %p is named with its source', async (source, trouble) => {
  const thrown = await read(source).catch((error: unknown) => error);

  expect(thrown).toBeInstanceOf(UserError);
  expect(thrown).toMatchObject({
    code: 'secret_missing',
    message: `the secret TOKEN is missing: ${trouble}`,
  });
});
