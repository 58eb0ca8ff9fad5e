import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretSource } from '../../core/config.ts';
import { UserError } from '../../core/errors.ts';
import { readSecrets, refuseMissingSecrets } from './read-secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway secrets '));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'token'), 's3cret \n');
writeFileSync(join(folder, 'blank'), '\n');
const { signal } = new AbortController();
const io = { signal, env: { PATH: process.env.PATH, FILLED: 'v4lue', BLANK: '' } };

const read = (source: SecretSource) => readSecrets({ TOKEN: source }, folder, io);

test('a secret is read from its variable, file or command, without its last line break', async () => {
  expect(await read({ env: 'FILLED' })).toEqual({ TOKEN: 'v4lue' });
  expect(await read({ file: 'token' })).toEqual({ TOKEN: 's3cret ' });
  expect(await read({ command: ['printf', 'a\\nb\\n'] })).toEqual({ TOKEN: 'a\nb' });
});

test('an interruption ends the command that is to print a secret, and does not wait for it', async () => {
  const interrupt = new AbortController();
  const command = [
    'sh',
    '-c',
    'exec 2>/dev/null; trap "echo ended > ended; exit" TERM; echo begun > begun; read -r line < fifo',
  ];
  Bun.spawnSync(['mkfifo', join(folder, 'fifo')]);

  const secrets = readSecrets({ TOKEN: { command } }, folder, { ...io, signal: interrupt.signal });
  await once(folder, 'begun');
  interrupt.abort(new Error('interrupted'));

  await expect(secrets).rejects.toThrow('interrupted');
  await once(folder, 'ended');
});

test('a command that prints a secret is not given the key that signs images', async () => {
  const env = { ...io.env, CAUSEWAY_SIGNING_KEY: 'pr1vate' };
  const command = ['sh', '-c', 'env | grep -c CAUSEWAY_SIGNING_KEY || true'];

  expect(await readSecrets({ TOKEN: { command } }, folder, { env, signal })).toEqual({ TOKEN: '0' });
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

test.each<[string, Record<string, string>, string]>([
  [
    'is too long for a variable',
    { TOKEN: 'k'.repeat(130_049) },
    'the secret TOKEN has 128 KiB; a process can be given 127 KiB in one variable',
  ],
  ['has a NUL in it', { TOKEN: 'k\0ey' }, 'the secret TOKEN has a NUL character in it'],
  [
    'is too much with the others',
    Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`S${index}`, 'k'.repeat(100 * 1024)])),
    'the secrets have 800 KiB together; 768 KiB at most',
  ],
])(
  'a secret that %s is refused by its name and size, from the shell and read at last',
  async (_, env, message) => {
    const sources = Object.fromEntries(Object.keys(env).map((name) => [name, { env: name }]));

    const early = await refuseMissingSecrets(sources, folder, { env, signal }).catch(
      (error: unknown) => error,
    );
    const late = await readSecrets(sources, folder, { env, signal }).catch((error: unknown) => error);

    expect(early).toMatchObject({ code: 'secret_unfit', message });
    expect(late).toMatchObject({ code: 'secret_unfit', message });
  },
);

test('a secret that just fits is taken', async () => {
  const value = 'k'.repeat(127 * 1024);

  expect(await readSecrets({ TOKEN: { env: 'TOKEN' } }, folder, { ...io, env: { TOKEN: value } })).toEqual({
    TOKEN: value,
  });
});

const several: Record<string, SecretSource> = {
  GIVEN: { env: 'FILLED' },
  DB: { env: 'ABSENT' },
  KEY: { file: 'nowhere' },
  TOKEN: { command: ['sh', '-c', 'echo ran >> log; exit 3'] },
};

test('all that are missing are named at once, with their sources and never a value', async () => {
  const thrown = await readSecrets(several, folder, io).catch((error: unknown) => error);

  expect(thrown).toMatchObject({
    code: 'secret_missing',
    message: `3 secrets are missing
       DB: the variable ABSENT is not set
       KEY: the file nowhere cannot be read (ENOENT)
       TOKEN: sh -c echo ran >> log; exit 3 ended with exit code 3`,
    hint: `export ABSENT=… · write KEY to ${folder}/nowhere · run it yourself to see why: sh -c echo ran >> log; exit 3`,
  });
});

test('before the build variables and files are looked at, and no command is run', async () => {
  rmSync(join(folder, 'log'), { force: true });
  const { TOKEN = { env: '' }, GIVEN = { env: '' } } = several;

  const thrown = await refuseMissingSecrets(several, folder, io).catch((error: unknown) => error);
  await refuseMissingSecrets({ GIVEN, TOKEN }, folder, io);

  expect(thrown).toMatchObject({
    message: expect.stringMatching(/^2 secrets are missing\n {7}DB: .*\n {7}KEY: .*$/),
  });
  expect(existsSync(join(folder, 'log'))).toBe(false);
});

test('a pipe is not looked into before it is needed: it can be read only once', async () => {
  const pipe = join(folder, 'pipe');
  Bun.spawnSync(['mkfifo', pipe]);

  await refuseMissingSecrets({ KEY: { file: 'pipe' } }, folder, io);
});

/** Waits until a file of that name is there. */
async function once(folder: string, name: string): Promise<void> {
  const seen = new AbortController();
  const changes = watch(folder, { signal: seen.signal });
  if (existsSync(join(folder, name))) return seen.abort();
  for await (const _ of changes) if (existsSync(join(folder, name))) return;
}
