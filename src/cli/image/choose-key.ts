import { signingVariable } from '../../core/child-env.ts';
import { UserError } from '../../core/errors.ts';
import { type SigningKey, shortKey, signingKey, type TrustedKey } from '../../image/attest/keys.ts';
import type { Io } from '../io.ts';

interface Choice {
  readonly trusted: readonly TrustedKey[];
  /** `--unsigned` was given. */
  readonly isUnsigned: boolean;
}

/**
 * What the image is signed with. None where that is asked for, or where the config trusts no key: a signature that
 * counts for nobody, or none where one is wanted, would be found out much later.
 */
export async function chooseKey(
  { trusted, isUnsigned }: Choice,
  { env }: Pick<Io, 'env'>,
): Promise<SigningKey | undefined> {
  if (isUnsigned) return undefined;
  const key = await signingKey({ env, trusted });
  if (key && !trusted.some(({ id }) => id === key.id)) throw notTrusted(key);
  if (!key && trusted.length > 0) throw missing(trusted, env);
  return key;
}

const without = 'causeway image push --unsigned pushes without a signature';

function notTrusted({ id }: SigningKey): UserError {
  return new UserError({
    code: 'key_wrong',
    message: `${signingVariable} is the key ${shortKey(id)}, which image.trust does not name`,
    hint: `name its public half in image.trust (keys init wrote it to keys/${shortKey(id)}.pub), or give the key of one that is named; ${without}`,
  });
}

function missing(trusted: readonly TrustedKey[], env: Io['env']): UserError {
  const names = trusted.map(({ id }) => shortKey(id)).join(' or ');
  const variable = env[signingVariable] === '' ? 'is empty' : 'is not set';
  return new UserError({
    code: 'key_missing',
    message: `nothing signs here: the private half of ${names} is not on this machine, and ${signingVariable} ${variable}`,
    hint: `export ${signingVariable}="$(cat <file of the private half>)", or push where it is; ${without}`,
  });
}
