import { signingVariable } from '../../../../core/child-env.ts';
import { hasPrivateKey, readTrusted, shortKey, signingKey } from '../../../../image/attest/keys.ts';
import type { Cli, Result } from '../../../cli.ts';
import { findUntrusted, howToSign } from '../../../image/find-pairs.ts';
import { columnsOf } from '../../../io.ts';
import type { KeysListResult } from '../../../json.ts';
import { loadConfig } from '../../../load-config.ts';
import { renderTable } from '../../../terminal/table.ts';

type ListedKey = KeysListResult['keys'][number];

/** The keys that the config trusts, in its order, then those that it could trust. */
export async function listKeys(cli: Cli): Promise<Result> {
  const { io, out } = cli;
  const { env } = io;
  const { config, folder } = await loadConfig(cli);
  const { trust } = config.image;
  const trusted = await readTrusted(trust, folder);
  const signing = await signingKey({ env, trusted });
  const given = env[signingVariable] ? signing?.id : undefined;
  const untrusted = await findUntrusted(trusted, folder, io);
  const keys: readonly ListedKey[] = await Promise.all([
    ...trusted.map(async ({ id, path }) => ({
      ...keyOf(id, given),
      publicKey: path,
      isTrusted: true,
      isHere: await hasPrivateKey({ env, id }),
      signs: id === signing?.id,
    })),
    ...untrusted.map(({ id, path, isHere }) => ({
      ...keyOf(id, given),
      ...notTrusted,
      publicKey: path,
      isHere,
    })),
    ...(given === undefined || [...trusted, ...untrusted].some(({ id }) => id === given)
      ? []
      : [{ ...keyOf(given, given), ...notTrusted, isHere: await hasPrivateKey({ env, id: given }) }]),
  ]);
  const json: KeysListResult = { keys: [...keys] };
  const next = keys.some(({ signs }) => signs) ? [] : [howToSign(trust, untrusted)];
  if (keys.length === 0) return { json, lines: ['image.trust names no key'], next };
  const columns = ['', 'key', 'public half', 'private half', 'trusted'].map((title) => ({ title }));
  const width = columnsOf(io.stdout);
  return { json, lines: renderTable({ columns, rows: keys.map(rowOf), width, style: out }), next };
}

/** Nothing signs with what the config does not name. */
const notTrusted = { isTrusted: false, signs: false };

function keyOf(id: string, given: string | undefined): Pick<ListedKey, 'id' | 'isGiven'> {
  return { id, isGiven: id === given };
}

function rowOf({ id, publicKey, isTrusted, isHere, isGiven, signs }: ListedKey): readonly string[] {
  const place = isGiven ? `in ${signingVariable}` : isHere ? 'on this machine' : 'elsewhere';
  return [signs ? '●' : '', shortKey(id), publicKey ?? 'unknown', place, isTrusted ? 'yes' : 'no'];
}
