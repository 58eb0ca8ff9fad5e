import { afterAll, expect, test } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { errorOf } from '../../core/error-of.ts';
import { isSignedBy } from './is-signed-by.ts';
import { hasPrivateKey, keyId, makeKey, readTrusted, signingKey } from './keys.ts';

const root = mkdtempSync(join(tmpdir(), 'causeway keys '));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;

function open() {
  const folder = join(root, `${folders++}`);
  mkdirSync(folder);
  return { folder, env: { XDG_CONFIG_HOME: join(folder, 'config') } };
}

const bytes = new TextEncoder().encode('signed');

test('a new key signs for its user alone, and its public half belongs to the project', async () => {
  const { folder, env } = open();

  const { id, publicPath, privatePath } = await makeKey({ env, folder });
  const trusted = await readTrusted([publicPath], folder);
  const key = await signingKey({ env, trusted });

  expect(publicPath).toBe(`keys/${id.slice(0, 12)}.pub`);
  expect(privatePath).toBe(join(env.XDG_CONFIG_HOME, 'causeway/keys', `${id}.pem`));
  expect(statSync(privatePath).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(privatePath)).mode & 0o777).toBe(0o700);
  expect(trusted.map((one) => one.id)).toEqual([id]);
  expect(key?.id).toBe(id);
  expect(isSignedBy(trusted[0]?.publicKey ?? never(), bytes, key?.sign(bytes) ?? never())).toBe(true);
  expect(await hasPrivateKey({ env, id })).toBe(true);
});

function never(): never {
  throw new Error('there is no key');
}

test('the last trusted key of which this machine has the private half signs', async () => {
  const { folder, env } = open();
  const [one, two] = [await makeKey({ env, folder }), await makeKey({ env, folder })];
  const elsewhere = await makeKey({ env: open().env, folder });
  const pathsOf = (...keys: readonly { readonly publicPath: string }[]) =>
    readTrusted(
      keys.map(({ publicPath }) => publicPath),
      folder,
    );

  expect((await signingKey({ env, trusted: await pathsOf(one, two, elsewhere) }))?.id).toBe(two.id);
  expect((await signingKey({ env, trusted: await pathsOf(two, one) }))?.id).toBe(one.id);
  expect(await signingKey({ env, trusted: await pathsOf(elsewhere) })).toBeUndefined();
  expect(await hasPrivateKey({ env, id: elsewhere.id })).toBe(false);
});

test('CAUSEWAY_SIGNING_KEY comes first, on one line or on several', async () => {
  const { folder, env } = open();
  const { publicPath } = await makeKey({ env, folder });
  const trusted = await readTrusted([publicPath], folder);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const forms = [
    privateKey.export({ type: 'pkcs8', format: 'pem' }),
    privateKey.export({ type: 'sec1', format: 'pem' }),
  ].map(String);

  for (const pem of [...forms, ...forms.map((form) => form.replaceAll('\n', '\\n'))]) {
    const key = await signingKey({ env: { ...env, CAUSEWAY_SIGNING_KEY: pem }, trusted });
    expect(key?.id).toBe(keyId(publicKey));
  }
});

test('a private key that others may read is refused', async () => {
  const { folder, env } = open();
  const { publicPath, privatePath } = await makeKey({ env, folder });
  chmodSync(privatePath, 0o640);

  const error = await errorOf(signingKey({ env, trusted: await readTrusted([publicPath], folder) }));

  expect({ code: error.code, message: error.message }).toEqual({
    code: 'key_wrong',
    message: `${privatePath} is open to others than you (its mode is 640)`,
  });
  expect(error.hint).toStartWith(`chmod 600 ${privatePath}`);
});

function pemOf(type: 'rsa' | 'P-384' | 'ed25519' | 'encrypted'): string {
  const options = { type: 'pkcs8', format: 'pem' } as const;
  if (type === 'rsa')
    return String(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(options));
  if (type === 'ed25519') return String(generateKeyPairSync('ed25519').privateKey.export(options));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: type === 'P-384' ? type : 'P-256' });
  const encryption = type === 'encrypted' ? { cipher: 'aes-256-cbc', passphrase: 'secret' } : {};
  return String(privateKey.export({ ...options, ...encryption }));
}

const good = String(
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
);

const bad: Readonly<Record<string, readonly [string, string]>> = {
  'an RSA key': [pemOf('rsa'), 'holds a key of the kind rsa, not ECDSA on P-256'],
  'a key on another curve': [pemOf('P-384'), 'holds a key on the curve secp384r1, not ECDSA on P-256'],
  'an Ed25519 key': [pemOf('ed25519'), 'holds a key of the kind ed25519, not ECDSA on P-256'],
  'an encrypted key': [pemOf('encrypted'), 'holds a private key that is encrypted'],
  'a malformed key': [good.replace(/\n[A-Za-z0-9+/]{10}/, '\n'), 'holds a key that is malformed'],
  'a text': ['c2VjcmV0', 'holds no private key as PEM'],
};

for (const [what, [pem, message]] of Object.entries(bad)) {
  test(`${what} is refused, and nothing of it is shown`, async () => {
    const error = await errorOf(signingKey({ env: { CAUSEWAY_SIGNING_KEY: pem }, trusted: [] }));

    expect({ code: error.code, message: error.message }).toEqual({
      code: 'key_wrong',
      message: `CAUSEWAY_SIGNING_KEY ${message}`,
    });
    const shown = inspect(error, { depth: 9, showHidden: true }) + inspect(error.cause);
    const secret = pem.split(/\n/).find((line) => /^[A-Za-z0-9+/=]{8,}$/.test(line)) ?? pem;
    expect(shown).not.toContain(secret.slice(0, 40));
  });
}

test('a key that signs shows nothing of its private half', async () => {
  const { folder, env } = open();
  const { publicPath, privatePath } = await makeKey({ env, folder });
  const key = await signingKey({ env, trusted: await readTrusted([publicPath], folder) });

  const shown = `${inspect(key, { depth: 9, showHidden: true })}${JSON.stringify(key)}`;

  expect(shown).not.toContain(readFileSync(privatePath, 'utf8').split('\n')[1] ?? never());
});

test('a public key that is missing, is none, or is a private one is named', async () => {
  const { folder } = open();
  writeFileSync(join(folder, 'none.pub'), 'nothing');
  writeFileSync(join(folder, 'private.pub'), good);
  const messageOf = async (path: string) => (await errorOf(readTrusted([path], folder))).message;

  expect(await messageOf('away.pub')).toBe('image.trust names away.pub, which cannot be read: ENOENT');
  expect(await messageOf('none.pub')).toBe('none.pub holds no public key as PEM');
  expect(await messageOf('private.pub')).toBe('private.pub holds a private key');
});

test('a folder that cannot be written is named, and no half of a pair is left', async () => {
  const [one, two] = [open(), open()];
  writeFileSync(join(one.folder, 'keys'), 'a file where the folder should be');
  writeFileSync(two.env.XDG_CONFIG_HOME, 'a file where the folder should be');

  const errors = [await errorOf(makeKey(one)), await errorOf(makeKey(two))];

  expect(errors.map(({ code }) => code)).toEqual(['key_wrong', 'key_wrong']);
  expect(errors[0]?.message).toStartWith(`the key could not be written to ${join(one.folder, 'keys')}`);
  expect(errors[1]?.message).toStartWith(`the key could not be written to ${two.env.XDG_CONFIG_HOME}`);
  for (const { folder } of [one, two]) {
    expect(Array.from(new Bun.Glob('**/*.{pem,pub}').scanSync(folder))).toEqual([]);
  }
});
