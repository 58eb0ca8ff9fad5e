import type { CloudPrice, CostLine, UsageCost } from '../../../src/core/cloud.ts';
import { collectedIn, priceSources, type RegionPrices, referenceRegion, regions } from './table.ts';

export interface Priced {
  readonly region: string;
  readonly network: 'public' | 'private';
  /** How many nodes run, beside what the environment consists of. */
  readonly nodes: number;
}

/** With where AWS says what it is now. */
export interface UsageLine extends UsageCost {
  readonly source: string;
}

export interface Price extends CloudPrice {
  readonly usage: readonly UsageLine[];
}

/** As AWS counts one. */
export const hoursOfMonth = 730;

/** What an environment costs, by the table. Pure: nobody is asked. */
export function priceOf({ region, network, nodes }: Priced): Price {
  const { pricesOf, prices } = pricesIn(region);
  const fixed = fixedLines(prices, { network, nodes });
  const perHour = fixed.reduce((sum, line) => sum + line.perHour, 0);
  return {
    region,
    pricesOf,
    collectedIn,
    fixed,
    usage: usageLines(prices, network),
    free,
    perHour,
    perDay: perHour * 24,
    perMonth: perHour * hoursOfMonth,
  };
}

export const knownRegions: readonly string[] = Object.keys(regions);

/** The prices of a region, or those that stand in for it. */
export function pricesIn(region: string): { readonly pricesOf: string; readonly prices: RegionPrices } {
  const known: Readonly<Record<string, RegionPrices>> = regions;
  const prices = Object.hasOwn(known, region) ? known[region] : undefined;
  return prices === undefined
    ? { pricesOf: referenceRegion, prices: regions[referenceRegion] }
    : { pricesOf: region, prices };
}

/** The disk that a node of Auto Mode has unless it is told otherwise. */
const nodeDiskGb = 80;
/** A load balancer has an address in each of its subnets. */
const loadBalancerAddresses = 2;

function fixedLines(
  prices: RegionPrices,
  { network, nodes }: Pick<Priced, 'network' | 'nodes'>,
): readonly CostLine[] {
  const isPrivate = network === 'private';
  const addresses = loadBalancerAddresses + (isPrivate ? 1 : nodes);
  const line = (item: string, count: number, each: number) => ({ item, count, perHour: count * each });
  return [
    line('EKS control plane', 1, prices.clusterHour),
    line('node, c6a.large or alike', nodes, prices.nodeHour),
    line('EKS Auto Mode, of a node', nodes, prices.nodeFeeHour),
    line(`disk of a node, ${nodeDiskGb} GB`, nodes, (nodeDiskGb * prices.diskGbMonth) / hoursOfMonth),
    line('load balancer', 1, prices.loadBalancerHour),
    ...(isPrivate ? [line('NAT gateway', 1, prices.natHour)] : []),
    line('public IPv4 address', addresses, prices.publicAddressHour),
  ];
}

function usageLines(prices: RegionPrices, network: Priced['network']): readonly UsageLine[] {
  const line = (item: string, key: keyof RegionPrices, unit: string) => ({
    item,
    price: prices[key],
    unit,
    source: priceSources[key],
  });
  return [
    line('load balancer capacity', 'loadBalancerUnitHour', 'LCU-hour'),
    line('traffic to the internet', 'trafficGb', 'GB'),
    ...(network === 'private' ? [line('traffic through NAT', 'natGb', 'GB')] : []),
    line('control-plane logs', 'logGb', 'GB'),
    line('images', 'imageGbMonth', 'GB-month'),
  ];
}

const free = [
  'VPC, subnets, routes and security groups',
  'IAM roles and access entries',
  'CloudFormation stacks',
  'certificate',
  'time to live and budget',
];
