import { DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DeleteNetworkInterfaceCommand,
  DeleteSecurityGroupCommand,
  DeleteVolumeCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVolumesCommand,
} from '@aws-sdk/client-ec2';
import {
  DeleteLoadBalancerCommand,
  DeleteTargetGroupCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetResourcesCommand, type ResourceTagMapping } from '@aws-sdk/client-resource-groups-tagging-api';
import { UserError } from '../../../src/core/errors.ts';
import type { Account } from '../account/account.ts';
import { isMissing } from '../account/explain.ts';
import { namesOf, type Place } from '../stacks/names.ts';
import { tagKeys } from '../stacks/tags.ts';
import { findCluster } from './probes.ts';

export interface LeftoverOptions {
  readonly account: Account;
  readonly place: Place;
  readonly signal: AbortSignal;
  readonly vpcs: readonly string[];
}

/**
 * Takes away what the cluster made and left: by its own tag, and so nobody else's. What cannot be deleted yet is left
 * for who looks again.
 */
export async function removeLeftovers(options: LeftoverOptions): Promise<void> {
  await removeBalancers(options);
  await removeInterfaces(options);
  await removeGroups(options);
  await removeVolumes(options);
}

/**
 * EKS writes its last lines when the cluster is gone already, into a group that it makes anew if there is none. While a
 * cluster of the name is there, one that is not ours, so is its group.
 */
export async function removeLogGroup(options: Omit<LeftoverOptions, 'vpcs'>): Promise<void> {
  const { account, place, signal } = options;
  if ((await findCluster(options)).length > 0) return;
  const { logGroup: logGroupName } = namesOf(place);
  const client = await account.logs();
  await orLeft(() =>
    account.ask(`delete the log group ${logGroupName}`, () =>
      client.send(new DeleteLogGroupCommand({ logGroupName }), { abortSignal: signal }),
    ),
  );
}

async function removeBalancers({ account, place, signal }: LeftoverOptions): Promise<void> {
  const { cluster } = namesOf(place);
  const [tagging, client] = await Promise.all([account.tagging(), account.elasticLoadBalancing()]);
  const made: ResourceTagMapping[] = [];
  let token: string | undefined;
  do {
    const page = await account.ask('list what the cluster made', () =>
      tagging.send(
        new GetResourcesCommand({
          TagFilters: [{ Key: 'eks:eks-cluster-name', Values: [cluster] }],
          ResourceTypeFilters: ['elasticloadbalancing'],
          ...(token ? { PaginationToken: token } : {}),
        }),
        { abortSignal: signal },
      ),
    );
    made.push(...(page.ResourceTagMappingList ?? []));
    token = page.PaginationToken || undefined;
  } while (token !== undefined);
  // The stack's own target group carries the tag as well, and goes with the stack.
  const arns = made
    .filter(({ Tags = [] }) => !Tags.some(({ Key }) => Key === tagKeys.stack))
    .map(({ ResourceARN = '' }) => ResourceARN);
  for (const LoadBalancerArn of arns.filter((arn) => arn.includes(':loadbalancer/')))
    await orLeft(() =>
      client.send(new DeleteLoadBalancerCommand({ LoadBalancerArn }), { abortSignal: signal }),
    );
  for (const TargetGroupArn of arns.filter((arn) => arn.includes(':targetgroup/')))
    await orLeft(() =>
      client.send(new DeleteTargetGroupCommand({ TargetGroupArn }), { abortSignal: signal }),
    );
}

/** Those that nothing holds any longer. */
async function removeInterfaces({ account, place, vpcs, signal }: LeftoverOptions): Promise<void> {
  const { cluster } = namesOf(place);
  if (vpcs.length === 0) return;
  const client = await account.ec2();
  const { NetworkInterfaces = [] } = await account.ask('list the network interfaces', () =>
    client.send(
      new DescribeNetworkInterfacesCommand({
        Filters: [
          { Name: 'vpc-id', Values: [...vpcs] },
          { Name: 'status', Values: ['available'] },
          { Name: 'tag:eks:eks-cluster-name', Values: [cluster] },
        ],
      }),
      { abortSignal: signal },
    ),
  );
  for (const { NetworkInterfaceId } of NetworkInterfaces)
    await orLeft(() =>
      client.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId }), { abortSignal: signal }),
    );
}

async function removeGroups({ account, place, signal }: LeftoverOptions): Promise<void> {
  const { cluster } = namesOf(place);
  const client = await account.ec2();
  const { SecurityGroups = [] } = await account.ask('list the security groups', () =>
    client.send(
      new DescribeSecurityGroupsCommand({
        Filters: [{ Name: 'tag:eks:eks-cluster-name', Values: [cluster] }],
      }),
      { abortSignal: signal },
    ),
  );
  for (const { GroupId } of SecurityGroups)
    await orLeft(() => client.send(new DeleteSecurityGroupCommand({ GroupId }), { abortSignal: signal }));
}

/** Of claims of pods: they outlive the cluster. */
async function removeVolumes({ account, place, signal }: LeftoverOptions): Promise<void> {
  const { cluster } = namesOf(place);
  const client = await account.ec2();
  const { Volumes = [] } = await account.ask('list the volumes', () =>
    client.send(
      new DescribeVolumesCommand({
        Filters: [{ Name: `tag:kubernetes.io/cluster/${cluster}`, Values: ['owned'] }],
      }),
      { abortSignal: signal },
    ),
  );
  for (const { VolumeId } of Volumes)
    await orLeft(() => client.send(new DeleteVolumeCommand({ VolumeId }), { abortSignal: signal }));
}

/** Gone already, or still in use. */
async function orLeft(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (isMissing(error)) return;
    // The inventory that follows finds it, and the receipt names it.
    if (error instanceof UserError || (error instanceof Error && '$metadata' in error)) return;
    throw error;
  }
}
