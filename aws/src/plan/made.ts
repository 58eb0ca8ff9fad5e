import type { Template } from '../deploy/stack.ts';

/** What the standing stacks were made with, as far as the next ones keep it. */
export interface Made {
  readonly zones?: readonly [string, string];
  readonly kubernetesVersion?: string;
  readonly admins: readonly string[];
  readonly budgetEmail?: string;
  /** In milliseconds since 1970. */
  readonly expiresAt?: number;
}

export interface Stands {
  readonly environment: Template | undefined;
  readonly guard: Template | undefined;
}

/** Read from the templates: whoever runs a command next has no other memory of it. */
export function readMade({ environment, guard }: Stands): Made {
  const version = propertiesOf(environment, 'AWS::EKS::Cluster')[0]?.Version;
  const zones = [
    ...new Set(propertiesOf(environment, 'AWS::EC2::Subnet').map(({ AvailabilityZone }) => AvailabilityZone)),
  ].filter((zone) => typeof zone === 'string');
  const admins = propertiesOf(environment, 'AWS::EKS::AccessEntry')
    .filter(({ AccessPolicies }) => AccessPolicies !== undefined)
    .map(({ PrincipalArn }) => PrincipalArn)
    .filter((arn) => typeof arn === 'string');
  const [first, second] = zones;
  const expiresAt = readExpiry(guard);
  const budgetEmail = propertiesOf(guard, 'AWS::Budgets::Budget')[0]?.NotificationsWithSubscribers?.[0]
    ?.Subscribers?.[0]?.Address;
  return {
    admins,
    ...(first && second ? { zones: [first, second] as const } : {}),
    ...(typeof version === 'string' ? { kubernetesVersion: version } : {}),
    ...(typeof budgetEmail === 'string' ? { budgetEmail } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** When the guard deletes the environment, in milliseconds since 1970. */
export function readExpiry(guard: Template | undefined): number | undefined {
  const expression = propertiesOf(guard, 'AWS::Scheduler::Schedule')[0]?.ScheduleExpression;
  const [, at] = /^at\((.+)\)$/.exec(typeof expression === 'string' ? expression : '') ?? [];
  return at === undefined ? undefined : Date.parse(`${at}Z`);
}

function propertiesOf(template: Template | undefined, type: string) {
  return Object.values(template?.Resources ?? {})
    .filter((resource) => resource.Type === type)
    .map(({ Properties = {} }) => Properties);
}
