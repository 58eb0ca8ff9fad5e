import type { Fault, TrafficCount } from '../../core/traffic.ts';
import type { ProbeCount } from '../agent/probe-count.ts';

export interface TrafficSources {
  readonly metrics: readonly TrafficCount[];
  readonly probe: readonly ProbeCount[];
}

/**
 * One count for each replica. Where its own metrics are known they count, for they hold users' requests too; what they
 * cannot show comes from the probe: requests that reached no handler or got no answer, and declared paths that were
 * answered with 4xx. Latency is the probe's where it asked, measured alike for all.
 */
export function mergeTraffic({ metrics, probe }: TrafficSources): readonly TrafficCount[] {
  const isMetered = metrics.some(hasCounted);
  const byReplica = new Map(metrics.map((count) => [count.replica, count]));
  const merged = probe.map((count) => {
    if (count.replica === undefined) return isMetered ? withoutAnswers(count) : withoutUnseen(count);
    const own = byReplica.get(count.replica);
    if (own) byReplica.delete(count.replica);
    return own && hasCounted(own) ? mergeCounts(own, count) : withoutUnseen(count);
  });
  return [...merged, ...byReplica.values()];
}

/** Metrics that stand still while it is asked are none of its requests. */
function hasCounted({ ok, errors }: TrafficCount): boolean {
  return ok + errors > 0;
}

function mergeCounts(own: TrafficCount, { unseen, ...probe }: ProbeCount): TrafficCount {
  const { latencyAtMost: _, ...rest } = own;
  const faults = mergeFaults(own.faults, probe.faults);
  const isAsked = probe.latencyBuckets.some((count) => count > 0);
  return {
    ...(isAsked ? { ...rest, latencyBuckets: probe.latencyBuckets } : own),
    // To the metrics, an answer of 4xx is as good as any.
    ok: Math.max(0, own.ok - unseen.rejected),
    errors: own.errors + unseen.rejected + unseen.transport,
    ...(faults.length > 0 ? { faults } : {}),
    late: probe.late ?? 0,
    lost: probe.lost,
    retried: probe.retried,
    ...(probe.waitingSince === undefined ? {} : { waitingSince: probe.waitingSince }),
  };
}

/** Metrics count users' requests too, but are told only where they say which path; to them 4xx are no errors. */
function mergeFaults(own: readonly Fault[] = [], probed: readonly Fault[] = []): readonly Fault[] {
  const isOwnKnown = own.some(({ path }) => path !== undefined);
  if (isOwnKnown) return [...own, ...probed.filter(({ status }) => status < 500)];
  return probed.length > 0 ? probed : own;
}

/** What was answered through the Service is in the metrics of the replica that answered. */
function withoutAnswers({ unseen, ...count }: ProbeCount): TrafficCount {
  return { ...count, ok: 0, errors: unseen.transport };
}

function withoutUnseen({ unseen: _, ...count }: ProbeCount): TrafficCount {
  return count;
}
