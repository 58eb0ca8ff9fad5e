import type { CloudReceiptItem } from '../../../src/core/cloud.ts';
import type { Account } from '../account/account.ts';
import type { Place } from '../stacks/names.ts';
import { probes } from './probes.ts';

export interface InventoryOptions {
  readonly account: Account;
  readonly place: Place;
  readonly signal: AbortSignal;
  /** The VPCs that belong to the environment, as far as they are known from before. */
  readonly vpcs?: readonly string[];
}

/** A thing that is there. */
export interface Found extends Omit<CloudReceiptItem, 'isGone'> {
  /** Of its own, whichever way it is found. */
  readonly id: string;
}

export interface Inventory {
  readonly found: readonly Found[];
  /** What was asked for, by which key: `log groups, by name`. */
  readonly asked: readonly string[];
}

/** Everything of an environment, asked for by tag, by name and by VPC, whether or not a stack knows of it. */
export async function takeInventory(options: InventoryOptions): Promise<Inventory> {
  const found: Found[] = [];
  for (const { ask } of probes.filter(({ isFirst }) => isFirst)) found.push(...(await ask(options)));
  const vpcs = new Set([...(options.vpcs ?? []), ...found.filter(isVpc).map(({ name }) => name)]);
  const later = probes.filter(({ isFirst }) => !isFirst);
  const rest = await Promise.all(later.map(({ ask }) => ask({ ...options, vpcs: [...vpcs] })));
  // What is found twice is named as it was found first: by its own service.
  const byId = new Map([...found, ...rest.flat()].toReversed().map((item) => [item.id, item]));
  return { found: [...byId.values()].toReversed(), asked: probes.map(({ asks }) => asks) };
}

export function isVpc({ category }: Pick<Found, 'category'>): boolean {
  return category === 'VPC';
}
