import type { Difference } from '../../../core/difference.ts';
import type { Environment } from '../../../core/environment.ts';
import { UserError } from '../../../core/errors.ts';
import { isOutOfReach } from '../../../core/out-of-reach.ts';
import { chooseMade } from '../../choose-environment.ts';
import type { Cli, Result } from '../../cli.ts';
import { showDifference, toDifferenceJson } from '../../difference.ts';
import type { DriftResult } from '../../json.ts';
import { count } from '../../terminal/count.ts';
import { labelWidthFor, renderStep } from '../../terminal/step-line.ts';

/** What differs from what was rolled out; that anything does is a failure. */
export async function showDrift(cli: Cli, name: string): Promise<Result> {
  const { environment } = await chooseMade(cli, name);
  const { inAccount, inCluster, unseen } = await compare(environment, cli.io.signal);
  const found = [...inAccount, ...inCluster];
  const json: DriftResult = {
    environment: name,
    ...(unseen ? { unseen: unseen.message } : {}),
    differences: found.map(toDifferenceJson),
  };
  if (found.length === 0) {
    const text = unseen ? 'no drift in its account; its cluster is not seen' : 'no drift';
    const line = renderStep({ label: name, text }, cli.out, labelWidthFor(name));
    return { json, lines: [line], ...(unseen ? { error: unseen } : {}) };
  }
  const error = new UserError({
    code: 'drift_found',
    message: `${count(found.length, 'thing')} of ${name} ${found.length === 1 ? 'differs' : 'differ'} from what was rolled out`,
    hint: hintFor(name, inAccount.length > 0, inCluster.length > 0),
  });
  return { json, lines: found.map(showDifference), error: unseen ?? error };
}

/** A stack is not deployed again where its template is as it was. */
function hintFor(name: string, isInAccount: boolean, isInCluster: boolean): string {
  if (!isInAccount) return `causeway up ${name} puts it right`;
  const account = `change back by hand what is in the account, or causeway down ${name}, then causeway up ${name}`;
  return isInCluster ? `causeway up ${name} puts right what is in the cluster; ${account}` : account;
}

interface Compared {
  readonly inAccount: readonly Difference[];
  readonly inCluster: readonly Difference[];
  /** Why its cluster cannot be asked, while its account can. */
  readonly unseen?: UserError;
}

async function compare(environment: Environment, signal: AbortSignal): Promise<Compared> {
  const { cloud } = environment;
  const [inAccount, inCluster] = await Promise.all([
    cloud?.drift(signal) ?? [],
    compareCluster(environment, signal).catch((error: unknown) => {
      if (cloud && isOutOfReach(error)) return error;
      throw error;
    }),
  ]);
  if (!(inCluster instanceof UserError)) {
    if (inCluster) return { inAccount, inCluster };
    throw new UserError({
      code: 'environment_missing',
      message: `${environment.name} is not up: there is nothing to compare`,
      hint: `causeway up ${environment.name}`,
    });
  }
  return { inAccount, inCluster: [], unseen: inCluster };
}

/** Nothing where it is not up. */
async function compareCluster(
  environment: Environment,
  signal: AbortSignal,
): Promise<readonly Difference[] | undefined> {
  const { state } = await environment.status(signal);
  return state === 'absent' ? undefined : ((await environment.drift?.(signal)) ?? []);
}
