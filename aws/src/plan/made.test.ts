import { expect, test } from 'bun:test';
import { readExpiry, readMade } from './made.ts';

const admin = 'arn:aws:iam::123456789012:user/ann';
const environment = {
  Resources: {
    Cluster: { Type: 'AWS::EKS::Cluster', Properties: { Version: '1.36' } },
    One: { Type: 'AWS::EC2::Subnet', Properties: { AvailabilityZone: 'us-east-1a' } },
    Two: { Type: 'AWS::EC2::Subnet', Properties: { AvailabilityZone: 'us-east-1b' } },
    Again: { Type: 'AWS::EC2::Subnet', Properties: { AvailabilityZone: 'us-east-1a' } },
    Access: { Type: 'AWS::EKS::AccessEntry', Properties: { PrincipalArn: admin, AccessPolicies: [{}] } },
  },
};
const guard = {
  Resources: {
    TimeToLive: {
      Type: 'AWS::Scheduler::Schedule',
      Properties: { ScheduleExpression: 'at(2026-11-24T16:30:00)' },
    },
    Budget: {
      Type: 'AWS::Budgets::Budget',
      Properties: { NotificationsWithSubscribers: [{ Subscribers: [{ Address: 'ops@example.com' }] }] },
    },
  },
};

test('what stands is kept: version, zones, who gets in, whom the budget tells, when it ends', () => {
  expect(readMade({ environment, guard })).toEqual({
    kubernetesVersion: '1.36',
    zones: ['us-east-1a', 'us-east-1b'],
    admins: [admin],
    budgetEmail: 'ops@example.com',
    expiresAt: Date.parse('2026-11-24T16:30:00Z'),
  });
});

test('zones that AWS chooses are left to it, and a protected environment ends never', () => {
  const chosen = { Type: 'AWS::EC2::Subnet', Properties: { AvailabilityZone: { 'Fn::Select': [0, {}] } } };

  expect(readMade({ environment: { Resources: { One: chosen } }, guard: undefined })).toEqual({ admins: [] });
  expect(readExpiry({ Resources: {} })).toBeUndefined();
});
