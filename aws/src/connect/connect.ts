import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import { UserError } from '../../../src/core/errors.ts';
import type { AccessHints } from '../../../src/kubernetes/api/access.ts';
import type { Reach } from '../../../src/kubernetes/reach.ts';
import type { Account } from '../account/account.ts';
import { isMissing } from '../account/explain.ts';
import { goneByHand } from '../deploy/gone-by-hand.ts';
import { outputsOf, readStack } from '../deploy/stack.ts';
import { namesOf, outputs, type Place } from '../stacks/names.ts';
import { eksToken } from './eks-token.ts';
import { exposureOf } from './exposure.ts';
import { openRegistry } from './registry.ts';

export interface ConnectOptions {
  readonly account: Account;
  readonly place: Place;
  readonly signal: AbortSignal;
}

/** How long a token is used; it is good for a quarter of an hour. */
const tokenMs = 10 * 60_000;

/** How an environment's cluster and registry are reached. Throws `environment_missing` where its stack does not stand. */
export async function connect({ account, place, signal }: ConnectOptions): Promise<Reach> {
  const { stack: name } = namesOf(place);
  const stack = await readStack({ account, name, signal });
  const told = stack ? outputsOf(stack) : {};
  const output = (key: keyof typeof outputs) => {
    const value = told[outputs[key]];
    if (value !== undefined) return value;
    throw missing(place, stack ? `its stack ${name} is ${stack.StackStatus}` : `it has no stack ${name}`);
  };
  const cluster = output('clusterName');
  const { endpoint, certificate, allowed } = await findCluster({ account, place, signal }, cluster);
  let token: { readonly value: string; readonly at: number } | undefined;
  return {
    access: {
      context: `${account.region}/${cluster}`,
      server: endpoint,
      tls: { ca: certificate },
      async headers() {
        const at = Date.now();
        if (token === undefined || at - token.at > tokenMs) {
          const credentials = await account.credentials();
          const value = await eksToken({ cluster, region: account.region, credentials, now: new Date(at) });
          token = { value, at };
        }
        return { Authorization: `Bearer ${token.value}` };
      },
      hints: hintsFor(place, allowed),
    },
    registry: openRegistry(account, output('repositoryUri')),
    url: output('url').replace(/\/$/, ''),
    exposure: exposureOf({
      targetGroupArn: output('targetGroupArn'),
      allowFrom: output('loadBalancerCidrs').split(','),
    }),
  };
}

async function findCluster({ account, place, signal }: ConnectOptions, name: string) {
  const client = await account.eks();
  const { cluster } = await account
    .ask(`read the cluster ${name}`, () =>
      client.send(new DescribeClusterCommand({ name }), { abortSignal: signal }),
    )
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return { cluster: undefined };
    });
  const { endpoint, certificateAuthority, resourcesVpcConfig, status } = cluster ?? {};
  if (cluster === undefined) throw goneByHand(place, [`the cluster ${name}`]);
  if (endpoint === undefined || certificateAuthority?.data === undefined)
    throw missing(place, `its cluster is ${status}`);
  return {
    endpoint,
    certificate: Buffer.from(certificateAuthority.data, 'base64').toString(),
    allowed: resourcesVpcConfig?.publicAccessCidrs ?? [],
  };
}

/** Whoever comes from another network than at `up` gets no answer at all. */
function hintsFor({ environment }: Place, allowed: readonly string[]): AccessHints {
  const from = allowed.length === 0 ? 'none' : allowed.join(', ');
  return {
    unreachable: `it takes connections from ${from} alone: if you come from elsewhere now, causeway up ${environment} lets you in`,
    unknown: `who made it writes your role's ARN into admins of the config, and runs causeway up ${environment}`,
    untrusted: 'something between you and AWS answers in its place, such as a proxy: go around it',
  };
}

function missing({ environment }: Place, because: string): UserError {
  return new UserError({
    code: 'environment_missing',
    message: `${environment} is not up: ${because}`,
    hint: `causeway up ${environment}`,
  });
}
