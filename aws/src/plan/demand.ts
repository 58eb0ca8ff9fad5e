import type { AwsConfig } from '../../../src/core/config.ts';
import { type Demand, nodesAtWorst, nodesFor } from '../prices/limits.ts';
import { type Price, priceOf } from '../prices/price.ts';

/** What the config's replicas cost an hour: as few as there may be, and as many, each standing twice in a rollout. */
export function pricesOf(
  config: AwsConfig,
  region: string,
): { readonly usual: Price; readonly worst: Price } {
  const { network } = config;
  const least = demandOf(config, config.autoscale?.min ?? config.replicas);
  return {
    usual: priceOf({ region, network, nodes: nodesFor(least) }),
    worst: priceOf({ region, network, nodes: mostNodes(config) }),
  };
}

/** While as many replicas as there may be stand twice. */
export function mostNodes(config: AwsConfig): number {
  return nodesAtWorst(demandOf(config, config.autoscale?.max ?? config.replicas));
}

function demandOf({ resources }: AwsConfig, replicas: number): Demand {
  return { replicas, cpuMilli: milliOf(resources.cpu), memoryMi: mebiOf(resources.memory) };
}

/** `100m`, `1.5`. */
function milliOf(cpu: string): number {
  return cpu.endsWith('m') ? Number(cpu.slice(0, -1)) : Number(cpu) * 1_000;
}

const bytes: Readonly<Record<string, number>> = {
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** `256Mi`, `1Gi`. */
function mebiOf(memory: string): number {
  const [, number = '0', unit = ''] = /^(\d+)(\D+)$/.exec(memory) ?? [];
  return Math.ceil((Number(number) * (bytes[unit] ?? 1)) / 2 ** 20);
}
