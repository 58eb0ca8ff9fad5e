import { type Desired, type Running, runningKey } from '../../core/rollout.ts';
import type { ReplicaState } from '../../core/target.ts';
import type { TrafficCount } from '../../core/traffic.ts';
import { mergeTraffic } from '../metrics/merge-traffic.ts';
import { type Metered, type Metrics, openMetrics } from '../metrics/open-metrics.ts';
import type { TargetOptions } from './open-target.ts';

/** What requests came to since the rollout began: by the probe, and by the replicas' own metrics where they have them. */
export class TrafficReader {
  readonly #options: Pick<TargetOptions, 'api' | 'agent' | 'trace'>;
  #metrics: Metrics | undefined;
  #rollout: string | undefined;
  #metered: readonly Metered[] = [];

  constructor(options: Pick<TargetOptions, 'api' | 'agent' | 'trace'>) {
    this.#options = options;
  }

  read(desired: Desired, replicas: readonly ReplicaState[]): readonly TrafficCount[] {
    const { agent } = this.#options;
    const { rollout, stable, candidate } = desired;
    if (!rollout) return [];
    this.#metered = [stable, candidate].flatMap((running) => (running ? meteredOf(running, replicas) : []));
    if (this.#rollout !== rollout.id) this.close();
    this.#rollout = rollout.id;
    if (this.#metered.length > 0) this.#open();
    return mergeTraffic({ metrics: this.#metrics?.counts() ?? [], probe: agent?.counts(desired) ?? [] });
  }

  close(): void {
    this.#metrics?.close();
    this.#metrics = undefined;
  }

  #open(): void {
    const { api, trace } = this.#options;
    this.#metrics ??= openMetrics({ api, trace, metered: () => this.#metered });
  }
}

function meteredOf(running: Running, replicas: readonly ReplicaState[]): readonly Metered[] {
  const { port, probes } = running.release.settings;
  const path = probes.metrics;
  if (path === undefined) return [];
  const key = runningKey(running);
  return replicas
    .filter((replica) => replica.key === key && replica.phase === 'ready')
    .map(({ id: pod }) => ({ pod, key, port, path }));
}
