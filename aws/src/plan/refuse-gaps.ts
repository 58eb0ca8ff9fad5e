import { DescribeRepositoriesCommand } from '@aws-sdk/client-ecr';
import {
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Account } from '../account/account.ts';
import { isMissing } from '../account/explain.ts';
import { orUnknown } from '../account/or-unknown.ts';
import { goneByHand } from '../deploy/gone-by-hand.ts';
import { isWhole, outputsOf, readStack } from '../deploy/stack.ts';
import { namesOf, outputs, type Place } from '../stacks/names.ts';

export interface RefuseGapsOptions {
  readonly account: Account;
  readonly place: Place;
  readonly signal: AbortSignal;
}

/**
 * What every rollout needs of a stack that stands, and somebody deleted by hand: throws `cloud_failed` with all of it,
 * which a rollout would otherwise wait for in vain. What may not be asked is taken for there. Changes nothing.
 */
export async function refuseGaps({ account, place, signal }: RefuseGapsOptions): Promise<void> {
  const { stack: name, repository } = namesOf(place);
  const stack = await readStack({ account, name, signal });
  // What is being made or taken away has gaps that nobody made.
  if (!stack || !isWhole(stack)) return;
  const { [outputs.targetGroupArn]: group, [outputs.loadBalancerName]: balancer } = outputsOf(stack);
  const ecr = await account.ecr();
  const elb = await account.elasticLoadBalancing();
  const options = { abortSignal: signal };
  const found = await Promise.all([
    isThere(async () => {
      const command = new DescribeRepositoriesCommand({ repositoryNames: [repository] });
      await account.ask(`read the repository ${repository}`, () => ecr.send(command, options));
    }),
    isThere(async () => {
      if (group === undefined) return;
      const command = new DescribeTargetGroupsCommand({ TargetGroupArns: [group] });
      await account.ask('read the target group', () => elb.send(command, options));
    }),
    orUnknown(() => (balancer === undefined ? Promise.resolve(true) : hasBalancer(balancer))),
  ]);
  const gaps = [
    `the image repository ${repository}`,
    `the target group ${group?.split('/')[1]}`,
    `the load balancer ${balancer}`,
  ].filter((_, at) => found[at] === false);
  if (gaps.length > 0) throw goneByHand(place, gaps);

  async function hasBalancer(address: string): Promise<boolean> {
    let Marker: string | undefined;
    do {
      const command = new DescribeLoadBalancersCommand(Marker === undefined ? {} : { Marker });
      const page = await account.ask('list the load balancers', () => elb.send(command, options));
      if (page.LoadBalancers?.some(({ DNSName = '' }) => DNSName.toLowerCase() === address.toLowerCase()))
        return true;
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    return false;
  }
}

/** Nothing where one may not ask. */
function isThere(ask: () => Promise<unknown>): Promise<boolean | undefined> {
  return orUnknown(async () => {
    try {
      await ask();
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  });
}
