import type { FakeReplica } from './fake-replica.ts';
import type { RolloutRecord } from './record.ts';
import { belongsTo, candidateCount, type Desired, isSame, type Rollout, runningKey } from './rollout.ts';

/** A change of desired state, and the environment at that moment. */
export interface Change {
  readonly before: Desired;
  readonly next: Desired;
  readonly now: number;
  readonly replicas: readonly FakeReplica[];
  readonly records: readonly RolloutRecord[];
  readonly published: ReadonlyMap<string, unknown>;
}

/** The promise, and what was done instead. */
export type Broken = readonly [promise: string, what: string];

/** What every change of desired state keeps to, whatever releases and drivers do. */
export function findBrokenPromise(change: Change): Broken | undefined {
  const { before, next } = change;
  const { rollout } = before;
  return (
    breakSize(change) ??
    breakStable(change) ??
    breakCandidate(change) ??
    (rollout && next.rollout?.id !== rollout.id ? breakEnd(change, rollout) : undefined) ??
    (rollout && next.rollout?.id === rollout.id ? breakRollout(change, rollout, next.rollout) : undefined)
  );
}

/** A cluster keeps 1 MiB of it, and the variables of two releases are in it as well. */
function breakSize({ next }: Change): Broken | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(next));
  return bytes > 128 * 1024 ? ['what shall be stays small', `it has ${bytes} bytes`] : undefined;
}

function breakStable({ before, next }: Change): Broken | undefined {
  if (!before.stable && !next.stable) return undefined;
  if (isSame(before.stable, next.stable)) return undefined;
  if (before.rollout?.judged?.kind === 'good' && isSame(next.stable, before.candidate)) return undefined;
  return ['the stable release changes after a good verdict alone', 'it changed before one'];
}

function breakCandidate({ next, published }: Change): Broken | undefined {
  const { candidate } = next;
  if (!candidate) return undefined;
  if (!published.has(candidate.release.id))
    return ['a candidate is published before it starts', runningKey(candidate)];
  if (isSame(candidate, next.stable))
    return ['candidate and stable can be told apart', runningKey(candidate)];
  return undefined;
}

function breakEnd({ next, replicas, records, now }: Change, { id }: Rollout): Broken | undefined {
  if (!records.some((record) => record.id === id))
    return ['a rollout ends with its record', `${id} has none`];
  const own = replicas.filter((replica) => belongsTo(replica, next.stable));
  const isWell = own.every((replica) => replica.isReady(now));
  if (own.length < replicas.length && isWell)
    return ['a rollout ends when only the stable release is left', id];
  return undefined;
}

const sizes = ['none', 'one', 'all'];
const commandStates = ['none', 'begun', 'done'];

function breakRollout(change: Change, rollout: Rollout, after: Rollout): Broken | undefined {
  const { before, next } = change;
  const { judged } = rollout;
  if (judged && judgementOf(judged) !== judgementOf(after.judged))
    return ['what is judged is never judged differently', judgementOf(after.judged)];
  if (before.candidate && !next.candidate && !judged)
    return ['a candidate goes after a verdict alone', runningKey(before.candidate)];
  if (sizes.indexOf(next.candidate?.size ?? 'all') < sizes.indexOf(before.candidate?.size ?? 'none'))
    return ['a candidate does not shrink', `to ${next.candidate?.size}`];
  if (commandStates.indexOf(after.command) < commandStates.indexOf(rollout.command))
    return ['a release command does not go back', `from ${rollout.command} to ${after.command}`];
  return !judged && after.judged?.kind === 'good' ? breakGood(change) : undefined;
}

function breakGood({ before, replicas, now }: Change): Broken | undefined {
  const stable = replicas.filter((replica) => belongsTo(replica, before.stable) && !replica.isDraining);
  const ready = replicas.filter((replica) => belongsTo(replica, before.candidate) && replica.isReady(now));
  const candidates = replicas.filter(
    (replica) => belongsTo(replica, before.candidate) && !replica.isDraining,
  );
  const wanted = Math.max(1, candidateCount(before, stable.length, candidates.length));
  return ready.length < wanted ? ['a good release is ready', `${ready.length} of ${wanted} are`] : undefined;
}

function judgementOf(judged: Rollout['judged']): string {
  return judged?.kind === 'failed' ? `${judged.cause}: ${judged.message}` : String(judged?.kind);
}
