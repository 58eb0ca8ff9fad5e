import type { Failure } from '../../src/load/report.ts';

export type Victim = 'command' | 'supervisor' | 'keeper' | 'replica' | 'supervisor and keeper';

/** A process that was killed. Times are Unix milliseconds. */
export interface Kill {
  readonly victim: Victim;
  readonly at: number;
  /** When the last of its processes was gone: on a busy machine that may be long after the signal. */
  readonly goneAt?: number;
  /** When the address answered again, of one that owned it. */
  readonly backAt?: number;
}

/** What a request failed of, and was bound to: everything else is lost. */
export type Reason =
  | 'in flight at a replica that was killed'
  | 'in flight at three replicas, one after the other, that were killed'
  | 'in flight at a supervisor that was killed'
  | 'sent while the address was away'
  | 'answered 500 by a bad release';

export interface ExplainOptions {
  readonly failure: Failure;
  readonly kills: readonly Kill[];
  /** The streams whose requests may be sent again to another replica, so that they outlive the first. */
  readonly repeatable: ReadonlySet<string>;
  /** What bad releases call themselves in `x-release`. */
  readonly bad: ReadonlySet<string>;
}

/** Why a request failed; nothing where none of the kills, and no bad release, explains it. */
export function explain({ failure, kills, repeatable, bad }: ExplainOptions): Reason | undefined {
  const { cause, at: endedAt, elapsedMs, release, stream } = failure;
  if (cause === 'other-5xx') return bad.has(release ?? '') ? 'answered 500 by a bad release' : undefined;
  const sentAt = endedAt - elapsedMs;
  const meets = ({ at, goneAt = at }: Kill) => sentAt <= goneAt + clockMs && at <= endedAt + clockMs;
  const owners = kills.filter(({ victim }) => victim.startsWith('supervisor'));
  if (cutCauses.has(cause)) {
    if (owners.some(meets)) return 'in flight at a supervisor that was killed';
    if (owners.some(({ at, backAt = Number.POSITIVE_INFINITY }) => at <= endedAt && sentAt <= backAt))
      return 'sent while the address was away';
  }
  // The front door answers 502 for a replica that went away, or cuts what it had begun to answer.
  const hits = kills.filter((kill) => kill.victim === 'replica' && meets(kill)).length;
  const isSentAgain = repeatable.has(stream);
  if (hits > 0 && (cause === 'cut' || (cause === '502' && !isSentAgain)))
    return 'in flight at a replica that was killed';
  return hits >= 3 && cause === '502'
    ? 'in flight at three replicas, one after the other, that were killed'
    : undefined;
}

const cutCauses: ReadonlySet<string> = new Set(['refused', 'reset', 'cut']);
/** How far the clock of an event and that of a request may be apart: both are read after the fact. */
const clockMs = 50;
