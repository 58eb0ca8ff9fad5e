import { Aws, Fn, LegacyStackSynthesizer, Stack } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import type { Construct } from 'constructs';
import { sha256 } from '../../../src/core/sha256.ts';
import { arn } from './arn.ts';
import { deletingRights } from './delete-rights.ts';
import type { Domain } from './load-balancer.ts';
import { namesOf, type Place } from './names.ts';
import { makeRole } from './roles.ts';
import { tagAll } from './tags.ts';

export interface GuardProps extends Place {
  /** When the environment deletes itself; without it, it is protected and stays. */
  readonly expiresAt?: Date;
  /** USD a month. */
  readonly budget: number;
  /** Who is told; without it, only the console tells. */
  readonly budgetEmail?: string;
  readonly domain?: Domain;
}

/**
 * What ends an environment that nobody ends, and tells what the account spends. It costs nothing. It is a stack of its own,
 * made before the environment and deleted after it: a stack must not delete the role that it is being deleted with.
 */
export class GuardStack extends Stack {
  constructor(scope: Construct, props: GuardProps) {
    const { guardStack } = namesOf(props);
    super(scope, guardStack, {
      stackName: guardStack,
      description: `Causeway: the guard of the environment ${props.environment} of ${props.project}`,
      synthesizer: new LegacyStackSynthesizer(),
    });
    tagAll(this, props);
    makeBudget(this, props);
    if (props.expiresAt !== undefined) makeTimeToLive(this, { ...props, expiresAt: props.expiresAt });
  }
}

/**
 * It watches the whole account: a filter by tag would stay at $0 until somebody makes the tag one for cost allocation.
 * https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
 */
function makeBudget(stack: Stack, { budget, budgetEmail, ...place }: GuardProps): void {
  new budgets.CfnBudget(stack, 'Budget', {
    budget: {
      budgetName: Fn.sub(`${namesOf(place).budget}-\${AWS::Region}${markOf(budgetEmail)}`),
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: budget, unit: 'USD' },
    },
    ...(budgetEmail === undefined
      ? {}
      : {
          notificationsWithSubscribers: alarms.map((alarm) => ({
            notification: { ...alarm, comparisonOperator: 'GREATER_THAN', thresholdType: 'PERCENTAGE' },
            subscribers: [{ subscriptionType: 'EMAIL', address: budgetEmail }],
          })),
        }),
  });
}

/** Whom a budget tells cannot be changed, and a budget of the same name cannot be made beside it: so its name tells whom. */
function markOf(email: string | undefined): string {
  return email === undefined ? '' : `-${sha256(email).slice(0, 6)}`;
}

const alarms = [
  { notificationType: 'ACTUAL', threshold: 80 },
  { notificationType: 'FORECASTED', threshold: 100 },
];

/** The schedule deletes the stack by a role that can do nothing else, and itself can only say so. */
function makeTimeToLive(stack: Stack, props: GuardProps & { readonly expiresAt: Date }): void {
  const names = namesOf(props);
  const deleteRole = makeRole(stack, {
    id: 'DeleteRole',
    path: names.guardRolePath,
    description: `What CloudFormation may do to delete ${names.stack}: nothing else`,
    trust: { service: 'cloudformation.amazonaws.com' },
    policy: { name: 'delete', rights: deletingRights(props) },
  });
  const group = new scheduler.CfnScheduleGroup(stack, 'Schedules', { name: names.schedules });
  const scheduleRole = makeRole(stack, {
    id: 'ScheduleRole',
    path: names.guardRolePath,
    description: `What the time to live of ${names.stack} may do: have it deleted by its delete role`,
    trust: {
      service: 'scheduler.amazonaws.com',
      // https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
      condition: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID, 'aws:SourceArn': group.attrArn } },
    },
    policy: {
      name: 'have-it-deleted',
      rights: [
        {
          id: 'DeleteTheStack',
          actions: ['cloudformation:DeleteStack'],
          on: [`cloudformation:\${AWS::Region}:\${AWS::AccountId}:stack/${names.stack}/*`],
          condition: { StringEquals: { 'cloudformation:RoleArn': deleteRole.attrArn } },
          why: 'behind the stack’s name stands an id that it gets when it is made, after this',
        },
        {
          id: 'ByTheDeleteRole',
          actions: ['iam:PassRole'],
          on: { arn: deleteRole.attrArn },
          condition: { StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' } },
        },
      ],
    },
  });
  new scheduler.CfnSchedule(stack, 'TimeToLive', {
    name: names.schedule,
    groupName: group.ref,
    description: `Deletes ${names.stack}`,
    scheduleExpression: `at(${props.expiresAt.toISOString().slice(0, 19)})`,
    scheduleExpressionTimezone: 'UTC',
    flexibleTimeWindow: { mode: 'OFF' },
    target: {
      arn: arn('scheduler:::aws-sdk:cloudformation:deleteStack'),
      roleArn: scheduleRole.attrArn,
      input: stack.toJsonString({ StackName: names.stack, RoleARN: deleteRole.attrArn }),
      // A stack that is being updated cannot be deleted; the call is made again, for a day.
      retryPolicy: { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 },
    },
  });
}
