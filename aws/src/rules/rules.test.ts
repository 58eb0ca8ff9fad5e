import { beforeAll, expect, test } from 'bun:test';
import { CfnDeletionPolicy, CfnResource, type Stack } from 'aws-cdk-lib';
import type { CfnRole } from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { EnvironmentStack } from '../stacks/environment-stack.ts';
import { domain, environmentProps, guardProps, type Synthesized, synthesize } from '../stacks/fixtures.ts';
import { GuardStack } from '../stacks/guard-stack.ts';

const sound: Readonly<Record<string, (scope: Construct) => void>> = {
  default: (scope) => new EnvironmentStack(scope, environmentProps()),
  private: (scope) => new EnvironmentStack(scope, environmentProps({ network: 'private' })),
  domain: (scope) => new EnvironmentStack(scope, environmentProps({ domain })),
  zones: (scope) => new EnvironmentStack(scope, environmentProps({ zones: ['us-east-1a', 'us-east-1b'] })),
  open: (scope) => new EnvironmentStack(scope, environmentProps({ allowApiFrom: ['0.0.0.0/0'] })),
  guard: (scope) => new GuardStack(scope, guardProps({ budgetEmail: 'ops@example.com', domain })),
  protected: (scope) => new GuardStack(scope, guardProps({ expiresAt: undefined })),
};

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const largestTemplate = 51_200;

interface Broken {
  readonly title: string;
  readonly of: 'environment' | 'guard';
  readonly change: (stack: Stack) => void;
  readonly rule: string;
  readonly on: string;
}

/** Of what the delete role may do: what goes by our tags. */
const statement = 'Policies.0.PolicyDocument.Statement.1';

const broken: readonly Broken[] = [
  {
    title: 'an API server that answers everybody, unasked',
    of: 'environment',
    change: (stack) =>
      set(stack, 'Cluster', 'ResourcesVpcConfig.PublicAccessCidrs', ['203.0.113.7/32', '0.0.0.0/0']),
    rule: 'api_endpoint_is_closed',
    on: 'Cluster',
  },
  {
    title: 'an API server whose callers nobody named',
    of: 'environment',
    change: (stack) => drop(stack, 'Cluster', 'ResourcesVpcConfig.PublicAccessCidrs'),
    rule: 'api_endpoint_is_closed',
    on: 'Cluster',
  },
  {
    title: 'extended support',
    of: 'environment',
    change: (stack) => drop(stack, 'Cluster', 'UpgradePolicy'),
    rule: 'cluster_is_in_standard_support',
    on: 'Cluster',
  },
  {
    title: 'a pattern of actions',
    of: 'guard',
    change: (stack) => set(stack, 'DeleteRole', `${statement}.Action`, ['ec2:DeleteVpc', 'ec2:Detach*']),
    rule: 'actions_are_named',
    on: 'DeleteRole',
  },
  {
    title: 'a deletion of anything at all',
    of: 'guard',
    change: (stack) => set(stack, 'DeleteRole', `${statement}.Resource`, '*'),
    rule: 'only_reads_are_of_anything',
    on: 'DeleteRole',
  },
  {
    title: 'a role that lies where all roles lie',
    of: 'environment',
    change: (stack) => set(stack, 'NodeRole', 'Path', '/'),
    rule: 'roles_have_a_path',
    on: 'NodeRole',
  },
  {
    title: 'a resource without our tags',
    of: 'environment',
    change: (stack) => drop(stack, 'TargetGroup', 'Tags'),
    rule: 'everything_is_tagged',
    on: 'TargetGroup',
  },
  {
    title: 'a resource that somebody else tagged',
    of: 'environment',
    change: (stack) => set(stack, 'Vpc', 'Tags', [{ Key: 'Name', Value: 'shop' }]),
    rule: 'everything_is_tagged',
    on: 'Vpc',
  },
  {
    title: 'a new type without tags',
    of: 'environment',
    change: (stack) => add(stack, 'AWS::SQS::Queue', {}),
    rule: 'everything_is_tagged',
    on: 'Added',
  },
  {
    title: 'a budget without our tags',
    of: 'guard',
    change: (stack) => drop(stack, 'Budget', 'ResourceTags'),
    rule: 'budgets_are_tagged',
    on: 'Budget',
  },
  {
    title: 'logs without an end',
    of: 'environment',
    change: (stack) => drop(stack, 'ControlPlaneLogs', 'RetentionInDays'),
    rule: 'logs_end',
    on: 'ControlPlaneLogs',
  },
  {
    title: 'a resource that outlives its stack',
    of: 'environment',
    change: (stack) => {
      resourceOf(stack, 'Repository').cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN;
    },
    rule: 'nothing_is_kept',
    on: 'Repository',
  },
  {
    title: 'a repository that must be emptied by hand',
    of: 'environment',
    change: (stack) => drop(stack, 'Repository', 'EmptyOnDelete'),
    rule: 'images_go',
    on: 'Repository',
  },
  {
    title: 'a custom resource',
    of: 'environment',
    change: (stack) =>
      add(stack, 'Custom::Anything', { ServiceToken: 'arn:aws:sns:us-east-1:123456789012:x' }),
    rule: 'nothing_is_programmed',
    on: 'Added',
  },
  {
    title: 'a key that the type does not have',
    of: 'environment',
    change: (stack) => set(stack, 'Cluster', 'StorageConfig.BlockStorages', { Enabled: true }),
    rule: 'F3002',
    on: 'Cluster',
  },
  {
    title: 'a value that the type does not take',
    of: 'environment',
    change: (stack) => set(stack, 'ControlPlaneLogs', 'RetentionInDays', 8),
    rule: 'W3030',
    on: 'ControlPlaneLogs',
  },
  {
    title: 'a policy of AWS’ that nobody gave a reason for',
    of: 'environment',
    change: (stack) => {
      const role = resourceOf(stack, 'NodeRole') as CfnRole;
      role.managedPolicyArns = [
        ...(role.managedPolicyArns ?? []),
        'arn:aws:iam::aws:policy/AdministratorAccess',
      ];
    },
    rule: 'AwsSolutions-IAM4[Policy::arn:aws:iam::aws:policy/AdministratorAccess]',
    on: 'NodeRole',
  },
];

let made: Synthesized;
beforeAll(() => {
  const variants = broken.map(({ of, change }, index) => [
    `broken${index}`,
    (scope: Construct) =>
      change(
        of === 'guard'
          ? new GuardStack(scope, guardProps())
          : new EnvironmentStack(scope, environmentProps()),
      ),
  ]);
  made = synthesize({ ...sound, ...Object.fromEntries(variants) }, (app) => [new AwsSolutionsChecks(app)]);
}, 60_000);

for (const name of Object.keys(sound)) {
  test(`what we make has no finding that is not accepted with a reason: ${name}`, () => {
    expect(made.findings.filter(({ variant }) => variant === name)).toEqual([]);
  });

  test(`the template is sent as it is, without a bucket: ${name}`, () => {
    expect(made.sizes[name]).toBeLessThan(largestTemplate);
  });
}

for (const [index, { title, rule, on }] of broken.entries()) {
  test(`${title} is found`, () => {
    const found = made.findings.filter(({ variant }) => variant === `broken${index}`);

    expect(found.map((finding) => `${finding.rule} ${finding.on}`)).toContain(`${rule} ${on}`);
  });
}

function resourceOf(stack: Stack, id: string): CfnResource {
  return stack.node.findChild(id) as CfnResource;
}

function set(stack: Stack, id: string, path: string, value: unknown): void {
  resourceOf(stack, id).addPropertyOverride(path, value);
}

function drop(stack: Stack, id: string, path: string): void {
  resourceOf(stack, id).addPropertyDeletionOverride(path);
}

function add(stack: Stack, type: string, properties: Readonly<Record<string, unknown>>): void {
  new CfnResource(stack, 'Added', { type, properties });
}
