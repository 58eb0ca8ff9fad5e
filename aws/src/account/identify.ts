import { GetRoleCommand } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { CloudIdentity } from '../../../src/core/cloud.ts';
import { UserError } from '../../../src/core/errors.ts';
import type { Account } from './account.ts';

/** Who calls. Throws where the config names another account. */
export async function identify(
  account: Account,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<CloudIdentity> {
  const sts = await account.sts();
  const { Account: id = '', Arn: caller = '' } = await account.ask('say who you are', () =>
    sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal }),
  );
  if (wanted === undefined || wanted === id) return { account: id, region: account.region, caller };
  throw new UserError({
    code: 'cloud_account_other',
    message: `the credentials are of account ${id}, and the environment lies in ${wanted}`,
    hint: `export AWS_PROFILE=<a profile of ${wanted}>; the config's account says which one is meant`,
  });
}

/** The user or role that an access entry names; of a session, the role that it took. */
export async function principalOf(
  account: Account,
  { caller }: CloudIdentity,
  signal: AbortSignal,
): Promise<string> {
  const [, partition = 'aws', id = '', role] =
    /^arn:([^:]+):sts::(\d+):assumed-role\/([^/]+)\//.exec(caller) ?? [];
  if (role === undefined) return caller;
  // A session's ARN leaves out the path of its role, as roles of single sign-on have one.
  const iam = await account.iam();
  const found = await account
    .ask(`read the role ${role}`, () =>
      iam.send(new GetRoleCommand({ RoleName: role }), { abortSignal: signal }),
    )
    .catch((error: unknown) => {
      if (error instanceof UserError && error.code === 'cloud_refused') return undefined;
      throw error;
    });
  return found?.Role?.Arn ?? `arn:${partition}:iam::${id}:role/${role}`;
}
