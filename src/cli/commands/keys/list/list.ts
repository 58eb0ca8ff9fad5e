import { hasPrivateKey, readTrusted, shortKey, signingKey } from '../../../../image/attest/keys.ts';
import type { Cli, Result } from '../../../cli.ts';
import type { KeysListResult } from '../../../json.ts';
import { loadConfig } from '../../../load-config.ts';
import { renderTable } from '../../../terminal/table.ts';

/** The keys that the config trusts, in its order. */
export async function listKeys({ io, options, out }: Cli): Promise<Result> {
  const { env } = io;
  const { config, folder } = await loadConfig({ cwd: io.cwd, file: options.config });
  const trusted = await readTrusted(config.image.trust, folder);
  const signing = await signingKey({ env, trusted });
  const keys = await Promise.all(
    trusted.map(async ({ id, path }) => ({
      id,
      publicKey: path,
      isHere: await hasPrivateKey({ env, id }),
      signs: id === signing?.id,
    })),
  );
  const json: KeysListResult = { keys };
  if (keys.length === 0) return { json, lines: ['image.trust names no key'], next: ['causeway keys init'] };
  const lines = renderTable({
    columns: [{ title: '' }, { title: 'key' }, { title: 'public half' }, { title: 'private half' }],
    rows: keys.map(({ id, publicKey, isHere, signs }) => [
      signs ? '●' : '',
      shortKey(id),
      publicKey,
      isHere ? 'on this machine' : 'elsewhere',
    ]),
    width: io.stdout.isTerminal ? io.stdout.columns : Number.POSITIVE_INFINITY,
    style: out,
  });
  return { json, lines };
}
