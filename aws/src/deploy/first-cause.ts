import type { StackEvent } from '@aws-sdk/client-cloudformation';

/** Why a stack failed: of all that was told, the first failure that is no consequence of another one. */
export function firstCause(events: readonly StackEvent[]): string | undefined {
  const failures = events.filter(({ ResourceStatus = '' }) => ResourceStatus.endsWith('_FAILED'));
  const own = failures.filter(({ PhysicalResourceId, StackId }) => PhysicalResourceId !== StackId);
  const first =
    own.find(({ ResourceStatusReason = '' }) => !isConsequence(ResourceStatusReason)) ?? failures[0];
  if (first === undefined) return undefined;
  const { LogicalResourceId = '', ResourceType = '', ResourceStatusReason = 'no reason given' } = first;
  return `${LogicalResourceId} (${ResourceType}): ${ResourceStatusReason.replace(/\s+/g, ' ').trim()}`;
}

function isConsequence(reason: string): boolean {
  return /cancelled/i.test(reason);
}
