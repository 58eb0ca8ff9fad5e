import {
  type Cloud,
  type CloudDifference,
  type CloudEmit,
  type CloudStatus,
  listItems,
} from '../core/cloud.ts';
import type { AwsConfig } from '../core/config.ts';
import type { Difference } from '../core/difference.ts';
import type { CloudPart, Receipt, Registry, Status } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import { isOutOfReach } from '../core/out-of-reach.ts';
import type { RolloutRecord } from '../core/record.ts';
import type { Finding } from '../core/target.ts';
import { KubernetesEnvironment, type OpenKubernetesOptions } from '../kubernetes/environment.ts';
import type { Reach } from '../kubernetes/reach.ts';
import { once } from './once.ts';

export interface OpenCloudEnvironmentOptions
  extends Omit<OpenKubernetesOptions, 'config' | 'context' | 'repository' | 'reach'> {
  readonly target: Status['target'];
  readonly config: AwsConfig;
  readonly cloud: (signal: AbortSignal) => Promise<Cloud<Reach>>;
}

/**
 * An environment whose cluster a cloud makes: rollouts are those of every cluster, and what leads there, what it costs and
 * how it goes are the cloud's.
 */
export class CloudEnvironment extends KubernetesEnvironment {
  readonly cloud: CloudPart;
  readonly #target: Status['target'];
  readonly #open: (signal: AbortSignal) => Promise<Cloud<Reach>>;

  constructor({ target, cloud: open, ...options }: OpenCloudEnvironmentOptions) {
    const reach = once(async (signal) => (await open(signal)).connect(signal));
    super({
      ...options,
      config: { ...options.config, target: 'kubernetes', exposure: { kind: 'clusterip' } },
      context: undefined,
      repository: undefined,
      reach,
    });
    this.#target = target;
    this.#open = open;
    this.cloud = {
      identify: async (signal) => (await open(signal)).identify(signal),
      plan: async (request, signal) => (await open(signal)).plan(request, signal),
      status: async (signal) => toStatus(await (await open(signal)).status(signal)),
      drift: async (signal) => (await (await open(signal)).drift(signal)).map(toDifference),
      up: async (request, emit, signal) => (await open(signal)).up(request, emit, signal),
      comingRegistry: async (signal) => (await open(signal)).comingRegistry(signal),
      inventory: async (signal) => (await open(signal)).inventory(signal),
      render: async (signal) => (await open(signal)).render(signal),
      registry: async (signal): Promise<Registry> => (await reach(signal)).registry,
    };
  }

  override async locate(signal: AbortSignal): Promise<string> {
    const { account, region, caller } = await this.cloud.identify(signal);
    return `${account}  ${region}  ${caller}`;
  }

  override async status(signal: AbortSignal): Promise<Status> {
    const cloud = await (await this.#open(signal)).status(signal);
    const about = { target: this.#target, cloud: toStatus(cloud) };
    if (!isThere(cloud)) return { environment: this.name, state: 'absent', running: [], ...about };
    try {
      return { ...(await super.status(signal)), ...about };
    } catch (error) {
      // The stack is being made or taken away, and there is no cluster to ask yet or any more.
      if (!isMissing(error)) throw error;
      return { environment: this.name, state: 'absent', running: [], ...about };
    }
  }

  override async *watch(signal: AbortSignal): AsyncGenerator<Status> {
    const cloud = toStatus(await (await this.#open(signal)).status(signal));
    for await (const status of super.watch(signal)) yield { ...status, target: this.#target, cloud };
  }

  override async history(signal: AbortSignal, newest?: number): Promise<readonly RolloutRecord[]> {
    try {
      return await super.history(signal, newest);
    } catch (error) {
      if (!isMissing(error)) throw error;
      return [];
    }
  }

  override async down(signal: AbortSignal, emit: CloudEmit = () => {}): Promise<Receipt> {
    const cloud = await this.#open(signal);
    let inCluster: Receipt | undefined;
    const clear = async () => {
      try {
        inCluster = await this.takeDown(signal, { isClusterGoing: true });
      } catch (error) {
        // A cluster that does not answer goes with its stack all the same; a rollout under way ends `down` before it takes anything.
        if (!isOutOfReach(error)) throw error;
        emit({ kind: 'retrying', what: 'the cluster', because: error.message });
      }
    };
    const receipt = await cloud.down(clear, emit, signal);
    const kept = [...(inCluster?.kept ?? []), ...receipt.kept, `this receipt: ${receipt.file}`];
    return { environment: this.name, items: listItems(receipt), kept, cloud: receipt };
  }

  override async doctor(signal: AbortSignal): Promise<readonly Finding[]> {
    const cloud = await this.#open(signal);
    const findings = await cloud.doctor(signal);
    if (findings.some(({ isProblem }) => isProblem)) return findings;
    const status = await cloud.status(signal);
    return isThere(status) ? [...findings, ...(await super.doctor(signal))] : findings;
  }
}

function isThere({ state }: CloudStatus): boolean {
  return state === 'made' || state === 'broken' || state === 'changing';
}

function toStatus({ identity, madeAt: _, ...status }: CloudStatus): NonNullable<Status['cloud']> {
  return { account: identity.account, region: identity.region, ...status };
}

function toDifference({ resource, ...difference }: CloudDifference): Difference {
  return { object: resource, ...difference };
}

function isMissing(error: unknown): boolean {
  return error instanceof UserError && error.code === 'environment_missing';
}
