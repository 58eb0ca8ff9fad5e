import type { CloudOutlook } from '../../../src/core/cloud.ts';
import { hoursOfMonth, type Price } from './price.ts';

export interface Limits {
  /** Until the environment deletes itself; without it, it is protected and stays. */
  readonly hoursToLive?: number;
  /** USD a month. */
  readonly budget: number;
}

/** How long deleting takes at most, as a rule; it is paid for. */
const deletingHours = 0.5;

/**
 * What the environment comes to. `worst` is the price with as many nodes as it can come to need; the budget is held
 * against that.
 */
export function outlookOf(price: Price, worst: Price, { hoursToLive, budget }: Limits): CloudOutlook {
  if (hoursToLive === undefined) {
    const atWorst = worst.perHour * hoursOfMonth;
    return {
      kind: 'stays',
      perMonth: price.perMonth,
      atWorst,
      budgetDays: Math.floor(budget / price.perDay),
      exceedsBudget: atWorst > budget,
    };
  }
  const hours = hoursToLive + deletingHours;
  const atWorst = worst.perHour * hours;
  return { kind: 'ends', hours, inAll: price.perHour * hours, atWorst, exceedsBudget: atWorst > budget };
}

export interface Demand {
  readonly replicas: number;
  /** Of one replica. */
  readonly cpuMilli: number;
  readonly memoryMi: number;
}

/**
 * What a c6a.large with its 2 CPUs and 4 GiB leaves to replicas when the system, its own pods and the agent have theirs.
 * Nobody measured it; it is low, so that an estimate is rather too high.
 */
const node = { cpuMilli: 1800, memoryMi: 2200, replicas: 27 };

/** How many nodes the replicas take, as far as the table's measure of a node goes; one at least. */
export function nodesFor({ replicas, cpuMilli, memoryMi }: Demand): number {
  const fits = Math.min(node.cpuMilli / cpuMilli, node.memoryMi / memoryMi, node.replicas);
  if (fits >= 1) return Math.max(1, Math.ceil(replicas / Math.floor(fits)));
  // A larger node costs as much as the small ones that it is as large as.
  return replicas * Math.ceil(1 / fits);
}

/** In a rollout every replica stands twice. */
export function nodesAtWorst(demand: Demand): number {
  return nodesFor({ ...demand, replicas: demand.replicas * 2 });
}
