import { type Account, AwsError } from '../account.ts';
import { field } from '../stack.ts';
import type { TargetRules } from './target.ts';

/** The policy of Auto Mode lets a cluster register targets only in groups with this tag. */
const clusterTag = 'eks:eks-cluster-name';

/** What AWS says of a target group; or why the managed controller could do nothing with it. */
export type TargetGroup = { readonly rules: TargetRules } | { readonly problem: string };

export async function readTargetGroup(account: Account, arn: string): Promise<TargetGroup> {
  const ask = (action: string, fields: Readonly<Record<string, string>>) =>
    account.query('elasticloadbalancing', action, fields);
  try {
    const group = await ask('DescribeTargetGroups', { 'TargetGroupArns.member.1': arn });
    const attributes = await ask('DescribeTargetGroupAttributes', { TargetGroupArn: arn });
    const tags = await ask('DescribeTags', { 'ResourceArns.member.1': arn });
    const cluster = tagValue(tags, clusterTag);
    const { clusters } = await account.rest<{ readonly clusters: readonly string[] }>(
      'eks',
      'GET',
      '/clusters',
    );
    if (cluster === undefined || !clusters.includes(cluster)) {
      return {
        problem: `AccessDenied: not authorized to perform elasticloadbalancing:RegisterTargets on ${arn}`,
      };
    }
    if (field(group, 'TargetType') !== 'ip') return { problem: `the targets of ${arn} are no addresses` };
    const seconds = (name: string) => Number(field(group, name)) * 1_000;
    return {
      rules: {
        intervalMs: seconds('HealthCheckIntervalSeconds'),
        timeoutMs: seconds('HealthCheckTimeoutSeconds'),
        path: field(group, 'HealthCheckPath'),
        codes: field(group, 'HttpCode'),
        healthyAfter: Number(field(group, 'HealthyThresholdCount')),
        unhealthyAfter: Number(field(group, 'UnhealthyThresholdCount')),
        deregistrationMs: Number(tagValue(attributes, 'deregistration_delay.timeout_seconds') ?? 300) * 1_000,
      },
    };
  } catch (error) {
    if (error instanceof AwsError) return { problem: error.message };
    throw error;
  }
}

function tagValue(text: string, key: string): string | undefined {
  const escaped = key.replaceAll('.', '\\.');
  return new RegExp(`<Key>${escaped}</Key>\\s*<Value>([^<]*)</Value>`).exec(text)?.[1];
}
