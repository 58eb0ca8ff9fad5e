import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeRepositoriesCommand } from '@aws-sdk/client-ecr';
import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Account } from '../account/account.ts';
import { isMissing } from '../account/explain.ts';

/**
 * Whether a thing that tags tell of is there: tags are told for a while after it is gone, and a receipt must name neither
 * what is gone as left nor the other way. What no service of ours can be asked for counts as there.
 */
export async function isStillThere(arn: string, account: Account, signal: AbortSignal): Promise<boolean> {
  const ask = questions.find(([pattern]) => pattern.test(arn))?.[1];
  if (!ask) return true;
  try {
    return await account.ask(`look for ${arn}`, () => ask({ arn, account, how: { abortSignal: signal } }));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

interface Question {
  readonly arn: string;
  readonly account: Account;
  readonly how: { readonly abortSignal: AbortSignal };
}

/** Each throws, or finds nothing, where the thing is gone. */
const questions: readonly (readonly [RegExp, (question: Question) => Promise<boolean>])[] = [
  [/:elasticloadbalancing:.*:loadbalancer\//, hasBalancer],
  [/:elasticloadbalancing:.*:targetgroup\//, hasTargetGroup],
  [/:elasticloadbalancing:.*:listener\//, hasListener],
  [/:eks:.*:cluster\//, hasCluster],
  [/:eks:.*:access-entry\//, hasAccessEntry],
  [/:ecr:.*:repository\//, hasRepository],
  [/:logs:.*:log-group:/, hasLogGroup],
];

async function hasBalancer({ arn, account, how }: Question): Promise<boolean> {
  const client = await account.elasticLoadBalancing();
  const { LoadBalancers } = await client.send(
    new DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] }),
    how,
  );
  return (LoadBalancers ?? []).length > 0;
}

async function hasTargetGroup({ arn, account, how }: Question): Promise<boolean> {
  const client = await account.elasticLoadBalancing();
  const { TargetGroups } = await client.send(
    new DescribeTargetGroupsCommand({ TargetGroupArns: [arn] }),
    how,
  );
  return (TargetGroups ?? []).length > 0;
}

async function hasListener({ arn, account, how }: Question): Promise<boolean> {
  const client = await account.elasticLoadBalancing();
  const { Listeners } = await client.send(new DescribeListenersCommand({ ListenerArns: [arn] }), how);
  return (Listeners ?? []).length > 0;
}

async function hasCluster({ arn, account, how }: Question): Promise<boolean> {
  const client = await account.eks();
  const { cluster } = await client.send(new DescribeClusterCommand({ name: after(arn, 'cluster/') }), how);
  return cluster !== undefined;
}

/** `…:access-entry/<cluster>/<kind>/<account>/<name>/<id>`: gone with its cluster, which is asked for. */
async function hasAccessEntry({ arn, account, how }: Question): Promise<boolean> {
  const [name = ''] = after(arn, 'access-entry/').split('/');
  const client = await account.eks();
  const { cluster } = await client.send(new DescribeClusterCommand({ name }), how);
  return cluster !== undefined;
}

async function hasRepository({ arn, account, how }: Question): Promise<boolean> {
  const client = await account.ecr();
  const repositoryNames = [after(arn, 'repository/')];
  const { repositories } = await client.send(new DescribeRepositoriesCommand({ repositoryNames }), how);
  return (repositories ?? []).length > 0;
}

async function hasLogGroup({ arn, account, how }: Question): Promise<boolean> {
  const name = after(arn, ':log-group:').replace(/:\*$/, '');
  const client = await account.logs();
  const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name }), how);
  return (logGroups ?? []).some(({ logGroupName }) => logGroupName === name);
}

function after(arn: string, mark: string): string {
  return arn.slice(arn.indexOf(mark) + mark.length);
}
