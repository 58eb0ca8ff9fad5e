import type { Failure } from '../../../src/load/report.ts';
import type { StruckFault } from './faults.ts';

/** A release that is bad under traffic, for as long as it was rolled out. */
export interface BadSpan {
  readonly release: string;
  readonly from: number;
  readonly until: number;
  /** Its pods; empty where it ends no process by itself. */
  readonly pods: readonly string[];
}

/** Why a request failed. */
export type Explained =
  /** It was an answer of a bad release, or was cut as that one crashed. */
  | { readonly by: 'release'; readonly release: string }
  /** It was in flight on the process that the fault killed. */
  | { readonly by: 'in flight'; readonly fault: StruckFault }
  /** It was sent to that one before the cluster had seen that it is dead. */
  | { readonly by: 'untold'; readonly fault: StruckFault }
  /** It was led to a replica that had left, by a route that had not come back to the API yet: decision 27. */
  | { readonly by: 'late route'; readonly fault: StruckFault };

export interface Known {
  readonly faults: readonly StruckFault[];
  readonly bad: readonly BadSpan[];
}

/** Undefined: it was lost, and nothing says why. */
export function explain(failure: Failure, { faults, bad }: Known): Explained | undefined {
  const { at, elapsedMs, status = 0, release, connection } = failure;
  const sentAt = at - elapsedMs;
  const answered = bad.find((span) => status >= 500 && release !== undefined && release === span.release);
  if (answered) return { by: 'release', release: answered.release };
  if (!transport.has(failure.cause)) return undefined;
  const mayBe = (pod: string | undefined) => connection.replica === undefined || connection.replica === pod;
  const fault = faults.find((one) => one.isKill && at >= one.at && sentAt <= one.until && mayBe(one.pod));
  const wasTaken = failure.cause !== 'refused' && fault !== undefined && sentAt <= fault.at + strikeMs;
  if (fault) return { by: wasTaken ? 'in flight' : 'untold', fault };
  const crashed = bad.find((span) => at >= span.from && sentAt <= span.until && span.pods.some(mayBe));
  if (crashed) return { by: 'release', release: crashed.release };
  const isConnecting = connection.requests === 0 && connection.replica === undefined;
  const outage = outageNear(faults, { from: sentAt, until: at });
  return isConnecting && outage ? { by: 'late route', fault: outage } : undefined;
}

/** The last one of the API that lasted into this time, or ended so shortly before that routes may have been late. */
export function outageNear(
  faults: readonly StruckFault[],
  { from, until }: { readonly from: number; readonly until: number },
): StruckFault | undefined {
  return faults.findLast(
    (fault) => outages.has(fault.kind) && until >= fault.at && from <= fault.until + backMs,
  );
}

/** What cuts all that follow the API off from it. */
const outages: ReadonlySet<StruckFault['kind']> = new Set(['API server away', 'etcd restarted']);
/** kube-proxy asks again after a minute at the latest. */
const backMs = 60_000;

/** From when a fault was begun to when the process is dead: a program is started for that inside the node. */
const strikeMs = 500;

/** No answer, or half of one: what a process that is gone leaves. */
const transport: ReadonlySet<Failure['cause']> = new Set([
  'refused',
  'reset',
  'cut',
  'timed-out',
  'unreachable',
]);
