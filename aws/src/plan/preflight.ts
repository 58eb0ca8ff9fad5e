import {
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeVpcsCommand,
  type Instance,
} from '@aws-sdk/client-ec2';
import { DescribeClusterVersionsCommand } from '@aws-sdk/client-eks';
import { DescribeLoadBalancersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import type { AwsConfig } from '../../../src/core/config.ts';
import { UserError } from '../../../src/core/errors.ts';
import type { Account } from '../account/account.ts';
import { orUnknown } from '../account/or-unknown.ts';
import { findCluster, findLogGroups, findRepository } from '../down/probes.ts';
import type { Place } from '../stacks/names.ts';
import { mostNodes } from './demand.ts';

export interface PreflightOptions {
  readonly account: Account;
  readonly place: Place;
  readonly config: AwsConfig;
  readonly kubernetesVersion: string;
  readonly signal: AbortSignal;
}

/**
 * What would surely keep a new environment from being made, told before anything is: throws `preflight_failed` with all of
 * it. What cannot be asked, for want of a right, is left to CloudFormation. Changes nothing.
 */
export async function refuseObstacles(options: PreflightOptions): Promise<void> {
  const found = await Promise.all([
    checkVersion(options),
    checkNames(options),
    ...quotas.map(checkQuota(options)),
  ]);
  const obstacles = found.flat();
  const [first] = obstacles;
  if (!first) return;
  const { environment } = options.place;
  throw new UserError({
    code: 'preflight_failed',
    message: `${environment} cannot be made in ${options.account.region}: ${obstacles.map(({ message }) => message).join('; ')}`,
    hint: obstacles.map(({ hint }) => hint).join('; '),
  });
}

interface Obstacle {
  readonly message: string;
  readonly hint: string;
}

/** The versions of a region are also the proof that it has EKS. */
async function checkVersion({
  account,
  kubernetesVersion,
  signal,
}: PreflightOptions): Promise<readonly Obstacle[]> {
  const client = await account.eks();
  const answer = await orUnknown(() =>
    account.ask('list the versions of EKS', () =>
      client.send(new DescribeClusterVersionsCommand({ clusterVersions: [kubernetesVersion] }), {
        abortSignal: signal,
      }),
    ),
  );
  const versions = answer?.clusterVersions;
  if (versions === undefined) return [];
  const isOffered = versions.some(
    ({ clusterVersion, versionStatus }) =>
      clusterVersion === kubernetesVersion && (versionStatus ?? 'STANDARD_SUPPORT') === 'STANDARD_SUPPORT',
  );
  if (isOffered) return [];
  return [
    {
      message: `EKS there does not have Kubernetes ${kubernetesVersion} in standard support`,
      hint: 'write another region in the config',
    },
  ];
}

/** Nothing of the stack's names may be there: CloudFormation takes nothing over, and would undo all it had made by then. */
async function checkNames({ account, place, signal }: PreflightOptions): Promise<readonly Obstacle[]> {
  const probes = [findCluster, findRepository, findLogGroups];
  const found = await Promise.all(probes.map((probe) => orUnknown(() => probe({ account, place, signal }))));
  return found
    .flatMap((things) => things ?? [])
    .map(({ category, name, remove = '' }) => ({
      message: `a ${category} ${name} is there that no stack of this environment made`,
      hint:
        category === 'log group'
          ? `if it is left from an earlier one, causeway down ${place.environment} takes it away`
          : `give the project or the environment another name, or, if nobody needs it: ${remove}`,
    }));
}

/** A limit of the account in the region, by its code: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html */
interface QuotaCheck {
  readonly service: string;
  readonly code: string;
  readonly what: string;
  readonly needs: (config: AwsConfig) => number;
  readonly used: (options: PreflightOptions) => Promise<number>;
}

/** Of the cheapest node that Auto Mode chooses. */
const cpusOfNode = 2;

const quotas: readonly QuotaCheck[] = [
  { service: 'vpc', code: 'L-F678F1CE', what: 'VPCs', needs: () => 1, used: countVpcs },
  {
    service: 'ec2',
    code: 'L-0263D0A3',
    what: 'Elastic IPs',
    needs: ({ network }) => (network === 'private' ? 1 : 0),
    used: countAddresses,
  },
  {
    service: 'elasticloadbalancing',
    code: 'L-53DA6B97',
    what: 'Application Load Balancers',
    needs: () => 1,
    used: countBalancers,
  },
  {
    service: 'ec2',
    code: 'L-1216C47A',
    what: 'CPUs of standard on-demand instances',
    needs: (config) => cpusOfNode * mostNodes(config),
    used: countCpus,
  },
];

function checkQuota(options: PreflightOptions): (check: QuotaCheck) => Promise<readonly Obstacle[]> {
  const { account, config, signal } = options;
  return async ({ service, code, what, needs, used }) => {
    const needed = needs(config);
    if (needed === 0) return [];
    const client = await account.serviceQuotas();
    const [quota, count] = await Promise.all([
      orUnknown(() =>
        account.ask('read the quotas', () =>
          client.send(new GetServiceQuotaCommand({ ServiceCode: service, QuotaCode: code }), {
            abortSignal: signal,
          }),
        ),
      ),
      orUnknown(() => used(options)),
    ]);
    const limit = quota?.Quota?.Value;
    if (limit === undefined || count === undefined || count + needed <= limit) return [];
    const increase = `aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${count + needed} --region ${account.region}`;
    return [
      {
        message: `it needs ${needed} of ${what}, and ${count} of the ${limit} that the account may have are in use`,
        hint: `ask for more: ${increase}`,
      },
    ];
  };
}

async function countVpcs({ account, signal }: PreflightOptions): Promise<number> {
  const client = await account.ec2();
  const { Vpcs = [] } = await account.ask('list the VPCs', () =>
    client.send(new DescribeVpcsCommand({}), { abortSignal: signal }),
  );
  return Vpcs.length;
}

async function countAddresses({ account, signal }: PreflightOptions): Promise<number> {
  const client = await account.ec2();
  const { Addresses = [] } = await account.ask('list the addresses', () =>
    client.send(new DescribeAddressesCommand({}), { abortSignal: signal }),
  );
  return Addresses.length;
}

async function countBalancers({ account, signal }: PreflightOptions): Promise<number> {
  const client = await account.elasticLoadBalancing();
  const page = (Marker?: string) =>
    account.ask('list the load balancers', () =>
      client.send(new DescribeLoadBalancersCommand(Marker === undefined ? {} : { Marker }), {
        abortSignal: signal,
      }),
    );
  let count = 0;
  for (let marker: string | undefined, isMore = true; isMore; isMore = marker !== undefined) {
    const { LoadBalancers = [], NextMarker } = await page(marker);
    count += LoadBalancers.filter(({ Type }) => Type === 'application').length;
    marker = NextMarker;
  }
  return count;
}

async function countCpus({ account, signal }: PreflightOptions): Promise<number> {
  const client = await account.ec2();
  const { Reservations = [] } = await account.ask('list the instances', () =>
    client.send(
      new DescribeInstancesCommand({
        Filters: [{ Name: 'instance-state-name', Values: ['pending', 'running'] }],
      }),
      { abortSignal: signal },
    ),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances)
    .filter(isStandard)
    .reduce(
      (sum, { CpuOptions }) => sum + (CpuOptions?.CoreCount ?? 1) * (CpuOptions?.ThreadsPerCore ?? 1),
      0,
    );
}

/** What the quota counts: on demand, of the families A, C, D, H, I, M, R, T and Z. */
function isStandard({ InstanceType, InstanceLifecycle }: Instance): boolean {
  return InstanceLifecycle !== 'spot' && /^[acdhimrtz]\d/.test(InstanceType ?? '');
}
