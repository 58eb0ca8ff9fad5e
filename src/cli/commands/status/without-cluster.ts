import type { Environment } from '../../../core/environment.ts';
import type { UserError } from '../../../core/errors.ts';
import { isOutOfReach } from '../../../core/out-of-reach.ts';
import type { Cli, Result } from '../../cli.ts';
import { columnsOf } from '../../io.ts';
import type { CloudStatusResult } from '../../json.ts';
import { showCloud } from './show-status.ts';

/** What the account tells of an environment whose cluster cannot be asked, beside why. Throws what says anything else. */
export async function withoutCluster(
  { io, out }: Cli,
  { name, cloud: account }: Environment,
  error: unknown,
): Promise<Result & { readonly error: UserError }> {
  if (!account || !isOutOfReach(error)) throw error;
  const cloud = await account.status(io.signal);
  const lines = showCloud(name, cloud, {
    style: out,
    now: io.now(),
    columns: columnsOf(io.stdout),
  });
  const json: CloudStatusResult = { environment: name, cloud: { ...cloud } };
  return { json, lines, error };
}
