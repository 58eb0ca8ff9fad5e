import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { signingVariable } from '../../core/child-env.ts';
import { UserError } from '../../core/errors.ts';
import { parsePrivateKey, parsePublicKey } from './key-pem.ts';

/** A public key of `image.trust`. */
export interface TrustedKey {
  /** SHA-256 of the public key (SPKI, DER), in hex. */
  readonly id: string;
  /** As the config names it. */
  readonly path: string;
  readonly publicKey: KeyObject;
}

/** Signs, and shows nothing of the private key. */
export interface SigningKey {
  /** As a trusted key's. */
  readonly id: string;
  readonly publicKey: KeyObject;
  /** ECDSA on P-256 over the SHA-256 of the bytes, as DER. */
  sign(bytes: Uint8Array): Uint8Array;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Makes a pair of keys: the public half in the project, to be committed; the private half for this user alone. */
export async function makeKey({
  env,
  folder,
}: {
  readonly env: Environment;
  readonly folder: string;
}): Promise<{
  readonly id: string;
  /** From `folder`, as `image.trust` names it: `keys/3f2a….pub`. */
  readonly publicPath: string;
  /** Where the private half lies. */
  readonly privatePath: string;
}> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const id = keyId(publicKey);
  const privatePath = privatePathOf(id, env);
  const publicPath = `keys/${shortKey(id)}.pub`;
  const publicFile = join(folder, publicPath);
  await writeNew(publicFile, publicKey.export({ type: 'spki', format: 'pem' }), openToAll);
  try {
    await writeNew(privatePath, privateKey.export({ type: 'pkcs8', format: 'pem' }), forThisUser);
  } catch (error) {
    await rm(publicFile, { force: true }).catch(() => undefined);
    throw error;
  }
  return { id, publicPath, privatePath };
}

/** SHA-256 of the public key (SPKI, DER), in hex. */
export function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** What people see of a key: as many characters as its file is named by. */
export function shortKey(id: string): string {
  return id.slice(0, 12);
}

function privatePathOf(id: string, { XDG_CONFIG_HOME, HOME }: Environment): string {
  const config = XDG_CONFIG_HOME || join(HOME || homedir(), '.config');
  return join(config, 'causeway', 'keys', `${id}.pem`);
}

interface Modes {
  readonly folder: number;
  readonly file: number;
}

const openToAll: Modes = { folder: 0o777, file: 0o666 };
const forThisUser: Modes = { folder: 0o700, file: 0o600 };

/** A file that is there is never written over, nor one behind a link. */
async function writeNew(path: string, content: string | Buffer, modes: Modes): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: modes.folder });
    if (modes === forThisUser) await chmod(dirname(path), modes.folder);
    await writeFile(path, content, { flag: 'wx', mode: modes.file });
  } catch (cause) {
    throw new UserError({
      code: 'key_wrong',
      message: `the key could not be written to ${path}: ${reasonOf(cause)}`,
      hint: 'make the folder writable; private keys go to $XDG_CONFIG_HOME or ~/.config, public ones to the project',
      cause,
    });
  }
}

/** Reads what `image.trust` names, from the config's folder. */
export async function readTrusted(paths: readonly string[], folder: string): Promise<readonly TrustedKey[]> {
  return Promise.all(paths.map((path) => readPublicKey(path, folder)));
}

async function readPublicKey(path: string, folder: string): Promise<TrustedKey> {
  const pem = await readFile(resolve(folder, path), 'utf8').catch((cause: unknown) => {
    throw new UserError({
      code: 'key_wrong',
      message: `image.trust names ${path}, which cannot be read: ${reasonOf(cause)}`,
      hint: 'causeway keys init makes a pair of keys; image.trust takes paths from the folder of the config',
      cause,
    });
  });
  const publicKey = parsePublicKey(pem, path);
  return { id: keyId(publicKey), path, publicKey };
}

/**
 * What this machine signs with: `CAUSEWAY_SIGNING_KEY`, or the last trusted key whose private half is here.
 * None: nothing is signed.
 */
export async function signingKey({
  env,
  trusted,
}: {
  readonly env: Environment;
  readonly trusted: readonly TrustedKey[];
}): Promise<SigningKey | undefined> {
  const given = env[signingVariable];
  if (given) return signWith(given.replaceAll('\\n', '\n'), signingVariable);
  for (const { id } of trusted.toReversed()) {
    const path = privatePathOf(id, env);
    const pem = await readPrivate(path);
    if (pem === undefined) continue;
    const key = signWith(pem, path);
    if (key.id === id) return key;
    throw new UserError({
      code: 'key_wrong',
      message: `${path} holds another private key, ${key.id}`,
      hint: 'remove the file; causeway keys init makes a new pair',
    });
  }
  return undefined;
}

/** The private key stays in the closure: what is printed of the result does not hold it. */
function signWith(pem: string, where: string): SigningKey {
  const privateKey = parsePrivateKey(pem, where);
  const publicKey = createPublicKey(privateKey);
  return { id: keyId(publicKey), publicKey, sign: (bytes) => sign('sha256', bytes, privateKey) };
}

async function readPrivate(path: string): Promise<string | undefined> {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw unreadable(path, cause);
  });
  if (!info) return undefined;
  const mode = info.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new UserError({
      code: 'key_wrong',
      message: `${path} is open to others than you (its mode is ${mode.toString(8)})`,
      hint: `chmod 600 ${path}; if somebody may have read it, make a new pair: causeway keys init`,
    });
  }
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
}

function unreadable(path: string, cause: unknown): UserError {
  return new UserError({
    code: 'key_wrong',
    message: `${path} cannot be read: ${reasonOf(cause)}`,
    hint: 'give yourself the right to read it, or remove it and make a new pair: causeway keys init',
    cause,
  });
}

/** Whether the private half of this key is on this machine. */
export async function hasPrivateKey({
  env,
  id,
}: {
  readonly env: Environment;
  readonly id: string;
}): Promise<boolean> {
  return Bun.file(privatePathOf(id, env)).exists();
}

function reasonOf(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? String(cause);
}
