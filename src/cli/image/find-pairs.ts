import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { hasPrivateKey, readTrusted, type TrustedKey } from '../../image/attest/keys.ts';
import type { Io } from '../io.ts';

/** A public key of `keys/` that the config does not name. */
export interface UntrustedKey extends TrustedKey {
  /** Whether its private half is on this machine. */
  readonly isHere: boolean;
}

const keysFolder = 'keys';

/** What `keys init` made in the project and `image.trust` does not name, by name; what is no key there is none of ours. */
export async function findUntrusted(
  trusted: readonly TrustedKey[],
  folder: string,
  { env }: Pick<Io, 'env'>,
): Promise<readonly UntrustedKey[]> {
  const names = await readdir(join(folder, keysFolder)).catch(() => []);
  const files = names.filter((name) => name.endsWith('.pub')).toSorted();
  const found = await Promise.all(files.map((name) => readKey(`${keysFolder}/${name}`, folder)));
  const others = found.flat().filter(({ id }) => !trusted.some((key) => key.id === id));
  return Promise.all(
    others.map(async (key) => ({ ...key, isHere: await hasPrivateKey({ env, id: key.id }) })),
  );
}

async function readKey(path: string, folder: string): Promise<readonly TrustedKey[]> {
  try {
    return await readTrusted([path], folder);
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    return [];
  }
}

/**
 * How to have something that signs here: trust the pair that is there already; only where there is none, make one.
 */
export function howToSign(trust: readonly string[], untrusted: readonly UntrustedKey[]): string {
  const own = untrusted.findLast(({ isHere }) => isHere);
  return own ? writeTrust([...trust, own.path]) : 'causeway keys init';
}

/** The line for the config. */
export function writeTrust(paths: readonly string[]): string {
  return `write image: { trust: [${paths.map((path) => `'${path}'`).join(', ')}] } in the config`;
}
