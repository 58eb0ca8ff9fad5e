import { beforeAll, expect, test } from 'bun:test';
import { domain, guardProps, type Synthesized, synthesize, type Template } from './fixtures.ts';
import { GuardStack } from './guard-stack.ts';

let made: Synthesized;
beforeAll(() => {
  made = synthesize({
    default: (scope) => new GuardStack(scope, guardProps()),
    protected: (scope) => new GuardStack(scope, guardProps({ expiresAt: undefined })),
    told: (scope) => new GuardStack(scope, guardProps({ budgetEmail: 'ops@example.com' })),
    domain: (scope) => new GuardStack(scope, guardProps({ domain })),
  });
}, 60_000);

test('a guard is this template', () => {
  expect(templateOf('default')).toMatchSnapshot();
});

test('a protected environment has a budget, and nothing that deletes it', () => {
  expect(Object.keys(templateOf('protected').Resources)).toEqual(['Budget']);
});

test('the budget tells whom it was told of, before it is spent and when it is going to be', () => {
  const alarms = templateOf('told').Resources.Budget?.Properties.NotificationsWithSubscribers;

  expect(templateOf('default').Resources.Budget?.Properties).not.toContainKey('NotificationsWithSubscribers');
  expect(alarms).toEqual([
    {
      Notification: {
        NotificationType: 'ACTUAL',
        Threshold: 80,
        ThresholdType: 'PERCENTAGE',
        ComparisonOperator: 'GREATER_THAN',
      },
      Subscribers: [{ SubscriptionType: 'EMAIL', Address: 'ops@example.com' }],
    },
    {
      Notification: {
        NotificationType: 'FORECASTED',
        Threshold: 100,
        ThresholdType: 'PERCENTAGE',
        ComparisonOperator: 'GREATER_THAN',
      },
      Subscribers: [{ SubscriptionType: 'EMAIL', Address: 'ops@example.com' }],
    },
  ]);
});

test('at its end, the schedule has the environment’s stack deleted by the delete role', () => {
  const { ScheduleExpression, ScheduleExpressionTimezone, Target } = propertiesOf('default', 'TimeToLive');

  expect(`${ScheduleExpression} ${ScheduleExpressionTimezone}`).toBe('at(2026-11-24T16:30:00) UTC');
  expect(Target.Arn).toEqual({
    'Fn::Sub': `arn:\${AWS::Partition}:scheduler:::aws-sdk:cloudformation:deleteStack`,
  });
  expect(Target.Input).toEqual({
    'Fn::Join': [
      '',
      ['{"StackName":"shop-production","RoleARN":"', { 'Fn::GetAtt': ['DeleteRole', 'Arn'] }, '"}'],
    ],
  });
});

test('the roles of the guard lie where the delete role cannot reach them', () => {
  const { DeleteRole, ScheduleRole } = templateOf('default').Resources;
  const reached =
    JSON.stringify(DeleteRole?.Properties.Policies).match(/role(\/causeway[^*"]*)\*/)?.[1] ?? '';

  expect(reached).toBe('/causeway/shop-production/');
  for (const role of [DeleteRole, ScheduleRole]) expect(role?.Properties.Path).not.toStartWith(reached);
});

test('a domain lets the delete role delete its one record, and nothing else of the zone', () => {
  const statements = propertiesOf('domain', 'DeleteRole').Policies[0].PolicyDocument.Statement;
  const change = statements.filter(({ Action }: { Action: string[] }) =>
    Action.includes('route53:ChangeResourceRecordSets'),
  );

  expect(change).toEqual([
    {
      Sid: 'Route53ByDomain',
      Effect: 'Allow',
      Action: ['route53:ChangeResourceRecordSets'],
      Resource: [{ 'Fn::Sub': `arn:\${AWS::Partition}:route53:::hostedzone/Z0123456789ABCDEFGHIJ` }],
      Condition: {
        'ForAllValues:StringEquals': {
          'route53:ChangeResourceRecordSetsActions': ['DELETE'],
          'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['shop.example.com'],
        },
      },
    },
  ]);
});

test('no variant leaves a finding', () => {
  expect(made.findings).toEqual([]);
});

function templateOf(variant: string): Template {
  const template = made.templates[variant];
  if (template === undefined) throw new Error(`no variant ${variant}`);
  return template;
}

function propertiesOf(variant: string, name: string) {
  return templateOf(variant).Resources[name]?.Properties;
}
