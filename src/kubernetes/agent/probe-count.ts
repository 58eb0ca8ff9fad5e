import { latencyBounds } from '../../core/latency.ts';
import { type Desired, type Running, runningKey } from '../../core/rollout.ts';
import { sumFaults, type TrafficCount } from '../../core/traffic.ts';
import { releaseLabel } from '../manifests/names.ts';
import type { AgentReport, ReplicaReport, ServiceReport } from './report.ts';

/** What the probe counted, with what a replica's own metrics do not show. */
export interface ProbeCount extends TrafficCount {
  readonly source: 'probe';
  /** Those of the errors that reached no handler or were none of the service's own 5xx. */
  readonly unseen: { readonly rejected: number; readonly transport: number };
}

/** A report, and when it came, in milliseconds since 1970 by our own clock. */
export interface Received {
  readonly report: AgentReport;
  readonly at: number;
}

/** A report that is older says nothing of what waits now. */
const freshMs = 3_000;

/**
 * The counts of several runs of the agent, each by its latest report. A run that reached nobody at all was kept from
 * it by the network, which says nothing of the releases.
 */
export function countReports(
  received: readonly Received[],
  running: readonly Running[],
  now: number,
): readonly ProbeCount[] {
  const replicas = new Map<string, ProbeCount>();
  let service = noCount();
  for (const { report, at } of received.filter(hasReached)) {
    const isFresh = now - at < freshMs;
    service = add(service, toServiceCount(report.service));
    for (const replica of report.replicas) {
      const waitingSince =
        isFresh && replica.waitingMs !== undefined ? { waitingSince: at - replica.waitingMs } : {};
      const count = { ...toReplicaCount(replica, running), ...waitingSince };
      const known = replicas.get(replica.name);
      replicas.set(replica.name, known ? add(known, count) : count);
    }
  }
  return [service, ...replicas.values()];
}

/** All that may run while this is desired. */
export function runningOf({ stable, candidate }: Desired): readonly Running[] {
  return [stable, candidate].filter((one) => one !== undefined);
}

function hasReached({ report: { service, replicas } }: Received): boolean {
  return service.ok > 0 || replicas.some(({ ok, rejected, failed, cut }) => ok + rejected + failed + cut > 0);
}

function toServiceCount({ ok, errors, failed = 0, late, lost, retried }: ServiceReport): ProbeCount {
  const unseen = { rejected: 0, transport: errors - failed };
  return { ...noCount(), ok, errors, late, lost, retried, unseen };
}

function toReplicaCount(report: ReplicaReport, running: readonly Running[]): ProbeCount {
  const { name, ok, rejected, failed, refused, cut, late, malformed, lost, retried, faults } = report;
  const transport = refused + cut + late + malformed;
  const mine = running.find((one) => isOf(report, one));
  return {
    source: 'probe',
    replica: name,
    ...(mine ? { key: runningKey(mine) } : {}),
    ok,
    errors: rejected + failed + transport,
    ...(faults ? { faults: faults.map(([path, status, count]) => ({ path, status, count })) } : {}),
    late,
    lost,
    retried,
    latencyBuckets: toBuckets(report.latency),
    unseen: { rejected, transport },
  };
}

function isOf({ release, secretSet }: ReplicaReport, running: Running): boolean {
  return release === releaseLabel(running.release.id) && secretSet === running.secretSet;
}

function toBuckets(sparse: ReplicaReport['latency']): readonly number[] {
  const buckets = new Array<number>(latencyBounds.length).fill(0);
  for (const [index, count] of sparse) if (index < buckets.length) buckets[index] = count;
  return buckets;
}

function noCount(): ProbeCount {
  const unseen = { rejected: 0, transport: 0 };
  return { source: 'probe', ok: 0, errors: 0, late: 0, lost: 0, retried: 0, latencyBuckets: [], unseen };
}

function add(one: ProbeCount, other: ProbeCount): ProbeCount {
  const faults = sumFaults([...(one.faults ?? []), ...(other.faults ?? [])]);
  const waiting = [one.waitingSince, other.waitingSince].filter((at) => at !== undefined);
  const [longer, shorter] =
    one.latencyBuckets.length >= other.latencyBuckets.length ? [one, other] : [other, one];
  return {
    ...one,
    ok: one.ok + other.ok,
    errors: one.errors + other.errors,
    ...(faults.length > 0 ? { faults } : {}),
    late: (one.late ?? 0) + (other.late ?? 0),
    lost: one.lost + other.lost,
    retried: one.retried + other.retried,
    latencyBuckets: longer.latencyBuckets.map((count, at) => count + (shorter.latencyBuckets[at] ?? 0)),
    ...(waiting.length === 0 ? {} : { waitingSince: Math.min(...waiting) }),
    unseen: {
      rejected: one.unseen.rejected + other.unseen.rejected,
      transport: one.unseen.transport + other.unseen.transport,
    },
  };
}
