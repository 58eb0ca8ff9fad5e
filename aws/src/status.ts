import type { CloudIdentity, CloudStatus } from '../../src/core/cloud.ts';
import type { AwsConfig } from '../../src/core/config.ts';
import type { Account } from './account/account.ts';
import { isMoving, isWhole, readStack, readTemplate } from './deploy/stack.ts';
import { pricesOf } from './plan/demand.ts';
import { readExpiry } from './plan/made.ts';
import { namesOf, type Place } from './stacks/names.ts';

export interface ReadStatusOptions {
  readonly account: Account;
  readonly identity: CloudIdentity;
  readonly place: Place;
  readonly config: AwsConfig;
  readonly now: number;
  readonly signal: AbortSignal;
}

/** How the stacks are, when the environment deletes itself, and what it has come to by the table. */
export async function readCloudStatus(options: ReadStatusOptions): Promise<CloudStatus> {
  const { account, identity, place, config, now, signal } = options;
  const { stack: name, guardStack } = namesOf(place);
  const [stack, guard] = await Promise.all([
    readStack({ account, name, signal }),
    readTemplate({ account, name: guardStack, signal }),
  ]);
  const expiresAt = readExpiry(guard);
  const about = { identity, ...(expiresAt === undefined ? {} : { expiresAt }) };
  if (!stack || stack.StackStatus === 'REVIEW_IN_PROGRESS') {
    if (guard === undefined) return { ...about, state: 'absent' };
    const isOver = expiresAt !== undefined && expiresAt <= now;
    return isOver
      ? {
          ...about,
          state: 'expired',
          because: 'it deleted itself, and nobody has verified that all of it is gone',
        }
      : { ...about, state: 'broken', because: `its guard stands, and its stack ${name} does not` };
  }
  const madeAt = stack.CreationTime?.getTime() ?? now;
  const { perHour } = pricesOf(config, identity.region).usual;
  const costs = { madeAt, perHour, costSoFar: (perHour * (now - madeAt)) / 3_600_000 };
  const status = stack.StackStatus ?? '';
  const because = `its stack ${name} is ${status.toLowerCase().replaceAll('_', ' ')}`;
  if (isMoving(stack)) return { ...about, ...costs, state: 'changing', because };
  const stands = isWhole(stack);
  return { ...about, ...costs, ...(stands ? { state: 'made' } : { state: 'broken', because }) };
}
