import { expect, test } from 'bun:test';
import type { StackEvent } from '@aws-sdk/client-cloudformation';
import { firstCause } from './first-cause.ts';

const own = { StackId: 'arn:stack' };
const stack = { ...own, PhysicalResourceId: 'arn:stack', LogicalResourceId: 'shop' };

test('the cause is the first failure that is no consequence of another one', () => {
  const events = [
    { ...own, LogicalResourceId: 'Role', ResourceType: 'AWS::IAM::Role', ResourceStatus: 'CREATE_COMPLETE' },
    {
      ...own,
      LogicalResourceId: 'LogGroup',
      ResourceType: 'AWS::Logs::LogGroup',
      ResourceStatus: 'CREATE_FAILED',
      ResourceStatusReason: 'Resource creation cancelled',
    },
    {
      ...own,
      LogicalResourceId: 'Cluster',
      ResourceType: 'AWS::EKS::Cluster',
      ResourceStatus: 'CREATE_FAILED',
      ResourceStatusReason: 'no capacity\n  in this zone',
    },
    { ...stack, ResourceStatus: 'ROLLBACK_FAILED', ResourceStatusReason: 'the stack is stuck' },
  ] as unknown as readonly StackEvent[];

  expect(firstCause(events)).toBe('Cluster (AWS::EKS::Cluster): no capacity in this zone');
});

test('where nothing failed there is no cause', () => {
  expect(firstCause([])).toBeUndefined();
});
