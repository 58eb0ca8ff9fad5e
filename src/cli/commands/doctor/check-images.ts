import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { usesImages } from '../../../core/config.ts';
import { UserError } from '../../../core/errors.ts';
import type { Finding } from '../../../core/target.ts';
import { readTrusted, shortKey, signingKey } from '../../../image/attest/keys.ts';
import { runtimeOf } from '../../../image/build-tree-image.ts';
import { lockFileName, readLock } from '../../../image/lock-file.ts';
import type { Chosen } from '../../choose-environment.ts';
import type { Io } from '../../io.ts';
import { count } from '../../terminal/count.ts';

type Parts = Pick<Chosen, 'config' | 'environmentConfig' | 'folder'>;
type World = Pick<Io, 'env'>;

/** What the building, signing and verifying of images needs, where the environment or the config has to do with them. */
export async function checkImages(parts: Parts, io: World): Promise<readonly Finding[]> {
  const { config, environmentConfig, folder } = parts;
  const { trust, repository } = config.image;
  const isBuilt = usesImages(environmentConfig) || repository !== undefined;
  return [
    ...(isBuilt && runtimeOf(config) === 'bun' ? [checkNpm(io)] : []),
    ...(isBuilt || existsSync(join(folder, lockFileName)) ? [await checkLock(folder)] : []),
    ...(trust.length > 0 ? [await checkKeys(parts, io)] : []),
  ];
}

function checkNpm({ env }: World): Finding {
  const npm = Bun.which('npm', { PATH: env.PATH ?? '' });
  if (npm) return { isProblem: false, message: `npm: ${npm}; it brings the runtime of images`, hint: '' };
  return {
    isProblem: true,
    message: 'npm: it is not on PATH, and brings the runtime of images',
    hint: 'install Node.js 20 or later, whose folder must be on PATH',
  };
}

function checkLock(folder: string): Promise<Finding> {
  return finding(lockFileName, async () => {
    const { size } = await readLock(folder);
    return size === 0 ? 'none yet; the first build writes it' : `holds the digest of ${count(size, 'base')}`;
  });
}

function checkKeys({ config, folder }: Parts, { env }: World): Promise<Finding> {
  return finding('keys', async () => {
    const trusted = await readTrusted(config.image.trust, folder);
    const key = await signingKey({ env, trusted });
    const isTrusted = trusted.some(({ id }) => id === key?.id);
    const signs = key
      ? `${shortKey(key.id)} ${isTrusted ? 'signs here' : 'of CAUSEWAY_SIGNING_KEY is none of them'}`
      : 'none of them signs here';
    return `${trusted.length} trusted, ${signs}`;
  });
}

/** What is found good, or the error as what is to be mended. */
async function finding(what: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { isProblem: false, message: `${what}: ${await look()}`, hint: '' };
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    return { isProblem: true, message: `${what}: ${thrown.message}`, hint: thrown.hint };
  }
}
