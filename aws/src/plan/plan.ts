import type { CloudPlan } from '../../../src/core/cloud.ts';
import { outlookOf } from '../prices/limits.ts';
import { namesOf } from '../stacks/names.ts';
import { changesBetween } from './changes.ts';
import { pricesOf } from './demand.ts';
import type { Wish, WishOptions } from './wish.ts';

type PlanOptions = Pick<WishOptions, 'identity' | 'place' | 'config' | 'now'>;

/** EKS takes 8 to 12 minutes for a cluster, and the rest is made beside it. */
const clusterMs = 12 * 60_000;

/** What it takes to make a wish come true, and what it comes to. Pure. */
export function planUp({ props, wanted, stands }: Wish, options: PlanOptions): CloudPlan {
  const { identity, place, config, now } = options;
  const { stack, guardStack } = namesOf(place);
  const { usual, worst } = pricesOf(config, identity.region);
  const expiresAt = props.guard.expiresAt?.getTime();
  const outlook = outlookOf(usual, worst, {
    budget: config.budget,
    ...(expiresAt === undefined ? {} : { hoursToLive: (expiresAt - now) / 3_600_000 }),
  });
  const { budgetEmail } = props.guard;
  const changes = [
    ...changesBetween(guardStack, stands.guard, wanted.guard),
    ...changesBetween(stack, stands.environment, wanted.environment),
  ];
  const makesCluster = changes.some(
    ({ type, action }) => type === 'AWS::EKS::Cluster' && action === 'create',
  );
  return {
    identity,
    changes,
    ...(makesCluster ? { usualMs: clusterMs } : {}),
    price: usual,
    outlook,
    budget: `$${config.budget} a month, of the whole account; ${budgetEmail === undefined ? 'nobody is told: --budget-email names somebody' : `tells ${budgetEmail}`}`,
    ...(budgetEmail === undefined ? {} : { budgetEmail }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}
