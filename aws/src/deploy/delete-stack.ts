import { DeleteStackCommand, type StackEvent } from '@aws-sdk/client-cloudformation';
import type { CloudEmit } from '../../../src/core/cloud.ts';
import type { Account } from '../account/account.ts';
import { followStack, isMoving, readEvents, readStack } from './stack.ts';

export interface DeleteStackOptions {
  readonly account: Account;
  readonly name: string;
  readonly emit: CloudEmit;
  readonly signal: AbortSignal;
}

/** A resource that could not be deleted. */
export interface Blocked {
  readonly resource: string;
  readonly type: string;
  readonly because: string;
}

/** Deletes a stack and waits until it is gone; what keeps it from going, by resource. One that is not there is gone. */
export async function deleteStack(options: DeleteStackOptions): Promise<readonly Blocked[]> {
  const { account, name, emit, signal } = options;
  const found = await readStack({ account, name, signal });
  if (!found || found.StackStatus === 'DELETE_COMPLETE') return [];
  const seen = new Set(
    (await readEvents({ account, name, signal }, new Set())).map(({ EventId = '' }) => EventId),
  );
  // One that is being made can be deleted at once; one that is being changed cannot.
  if (isMoving(found) && !/^(CREATE|DELETE)_/.test(found.StackStatus ?? '')) {
    emit({ kind: 'waiting', for: `the stack ${name}, which is being changed` });
    await followStack({ account, name, emit, signal, seen });
  }
  if (found.StackStatus === 'DELETE_IN_PROGRESS') {
    // Somebody else's; what it could not take away is tried once more.
    emit({ kind: 'waiting', for: `the stack ${name}, which is being deleted` });
    const { stack } = await followStack({ account, name: found.StackId ?? name, emit, signal, seen });
    if (stack === undefined || stack.StackStatus === 'DELETE_COMPLETE') return [];
  }
  const client = await account.cloudFormation();
  await account.ask(`delete the stack ${name}`, () =>
    client.send(new DeleteStackCommand({ StackName: name }), { abortSignal: signal }),
  );
  // By its id it is found when it is gone as well.
  const { stack, events } = await followStack({
    account,
    name: found.StackId ?? name,
    emit,
    signal,
    seen,
    isBegun: true,
  });
  if (stack === undefined || stack.StackStatus === 'DELETE_COMPLETE') return [];
  const blocked = blockedBy(events);
  if (blocked.length > 0) return blocked;
  const because = stack.StackStatusReason ?? `it is ${stack.StackStatus}, and says no reason`;
  return [{ resource: name, type: 'AWS::CloudFormation::Stack', because }];
}

/** In one line. */
export function showBlocked(blocked: readonly Blocked[]): string {
  return blocked.map(({ resource, type, because }) => `${resource} (${type}): ${because}`).join('; ');
}

function blockedBy(events: readonly StackEvent[]): readonly Blocked[] {
  return events
    .filter(
      ({ ResourceStatus, PhysicalResourceId, StackId }) =>
        ResourceStatus === 'DELETE_FAILED' && PhysicalResourceId !== StackId,
    )
    .map(({ LogicalResourceId = '', ResourceType = '', ResourceStatusReason = 'no reason given' }) => ({
      resource: LogicalResourceId,
      type: ResourceType,
      because: ResourceStatusReason.replace(/\s+/g, ' ').trim(),
    }));
}
