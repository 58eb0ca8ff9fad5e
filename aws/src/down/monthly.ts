import { hoursOfMonth, pricesIn } from '../prices/price.ts';

/** USD a month, of what costs money as long as it is there. */
export function monthly(region: string) {
  const { prices } = pricesIn(region);
  return {
    cluster: prices.clusterHour * hoursOfMonth,
    node: (prices.nodeHour + prices.nodeFeeHour) * hoursOfMonth,
    loadBalancer: prices.loadBalancerHour * hoursOfMonth,
    nat: prices.natHour * hoursOfMonth,
    address: prices.publicAddressHour * hoursOfMonth,
    /** Of a gigabyte. */
    diskGb: prices.diskGbMonth,
  };
}
