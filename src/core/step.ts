import {
  awaitAll,
  awaitNext,
  countOthers,
  isReady,
  isRoomComing,
  isStanding,
  type Wait,
  whyWaiting,
} from './await-replicas.ts';
import { showMs } from './duration.ts';
import type { RolloutEvent } from './event.ts';
import {
  belongsTo,
  type Candidate,
  candidateCount,
  type Desired,
  givesWay,
  type Rollout,
} from './rollout.ts';
import type { Observation, ReplicaState, Seen } from './target.ts';
import { type Answers, answersOf, answersSince, type TrafficCount, totalOf } from './traffic.ts';
import {
  type Allowance,
  type Failure,
  failed,
  type Judgement,
  judgeErrors,
  judgeStart,
  judgeWatch,
} from './verdict.ts';

/** The environment's rules for a rollout; all times in milliseconds. */
export interface Rules {
  readonly bakeMs: number;
  /** How long replicas may take to become ready. */
  readonly startMs: number;
  /** How long a release command may run. */
  readonly commandMs: number;
  /** How long the environment may not answer before the command gives up, undoing nothing. */
  readonly unreachableMs: number;
  readonly allowance: Allowance;
}

/** What the loop remembers between two observations. Losing it costs a new watch, nothing else. */
export interface RolloutState extends Wait {
  readonly rules: Rules;
  /** Why it shall be taken out, whatever the release does. */
  readonly giveUp?: string;
  /** The rollout that is watched: what another command begins meanwhile is not ours to judge. */
  readonly rolloutId?: string;
  readonly lastSeenAt?: number;
  /** Since when all of them are ready. */
  readonly watchingSince?: number;
  /** What the stable release had answered before the candidate did: the two are compared over the same time. */
  readonly stableBefore?: Answers;
  /** What it had answered at `startingSince`. */
  readonly stableAtStart?: Answers;
  readonly unreachableSince?: number;
  readonly lastUnreachableAt?: number;
  /** Until then nothing is judged good: see `catchUp`. */
  readonly heldUntil?: number;
}

export type Act =
  | { readonly kind: 'wait' }
  | { readonly kind: 'set'; readonly desired: Desired }
  | TakeBack
  | End
  /** Stop watching, and leave everything as it is. */
  | { readonly kind: 'leave'; readonly message: string };

/** Gather the candidate's evidence, then set what shall be without it. */
export interface TakeBack {
  readonly kind: 'takeBack';
  readonly rollout: Rollout;
  readonly judgement: Failure;
  readonly candidate: Candidate;
  readonly desired: Desired;
}

export interface End {
  readonly kind: 'end';
  readonly rollout: Rollout;
  readonly judgement: Judgement;
  readonly seen: Seen;
}

export interface Step {
  readonly state: RolloutState;
  readonly act: Act;
  readonly events: readonly RolloutEvent[];
}

/** A gap in watching longer than this (a sleeping laptop) starts the watch again. */
const gapMs = 5_000;
/** Replicas that leave go on accepting for longer than this. */
const briefMs = 2_000;
/**
 * The pauses of clients of a Kubernetes API double up to 30 s, each is drawn out by chance to twice that at the most, and
 * they begin anew only after two minutes without a failure, so that a short outage may end in the longest of them:
 * https://github.com/kubernetes/client-go/blob/master/tools/cache/reflector.go
 */
const mostPauseMs = 60_000;

/** The whole rollout, verdict included, as a pure function of what is seen; the loop around it only acts. */
export function step(state: RolloutState, seen: Observation, now: number): Step {
  if (seen.kind === 'unreachable') return waitForAnswer(state, seen.cause, now);
  const { rollout, candidate } = seen.desired;
  if (!rollout || (state.rolloutId ?? rollout.id) !== rollout.id)
    return leave(state, 'the rollout is no longer the environment’s: another command took its place');
  const refreshed = catchUp(afterGap({ ...state, rolloutId: rollout.id }, now), state.lastSeenAt, now);
  if (rollout.judged) return carryOut(refreshed, seen, rollout, rollout.judged, now);
  if (!candidate) return leave(refreshed, 'the candidate is gone from the environment’s desired state');
  if (refreshed.giveUp !== undefined) {
    return judge(refreshed, seen, failed('interrupted', refreshed.giveUp));
  }
  const next = watch(beforeItsAnswers(refreshed, seen, candidate), seen, candidate, now);
  if (refreshed.heldUntil === state.heldUntil) return next;
  return { ...next, events: [{ kind: 'held', forMs: mostPauseMs }, ...next.events] };
}

function waitForAnswer(state: RolloutState, cause: string, now: number): Step {
  const hasSlept = hasGap(state.lastUnreachableAt, now);
  const unreachableSince = hasSlept ? now : (state.unreachableSince ?? now);
  if (now - unreachableSince > state.rules.unreachableMs)
    return leave(state, `the environment does not answer: ${cause}`);
  return {
    state: { ...state, unreachableSince, lastUnreachableAt: now },
    act: { kind: 'wait' },
    events: state.unreachableSince === undefined ? [{ kind: 'unreachable', cause }] : [],
  };
}

function afterGap(state: RolloutState, now: number): RolloutState {
  const seen = { ...state, lastSeenAt: now };
  return hasGap(state.lastSeenAt, now) ? startAgain(seen) : seen;
}

/**
 * While an environment did not answer, those in it that lead requests to replicas heard of no change either, and they ask
 * again with growing pauses: until the longest of them is over, and they know the candidate's replicas, no stable one goes.
 */
function catchUp(state: RolloutState, lastSeenAt: number | undefined, now: number): RolloutState {
  const { unreachableSince } = state;
  if (unreachableSince === undefined) return state;
  const awayMs = now - (lastSeenAt ?? unreachableSince);
  const heldUntil = awayMs > briefMs ? now + mostPauseMs : state.heldUntil;
  return { ...state, unreachableSince: undefined, heldUntil };
}

function hasGap(lastAt: number | undefined, now: number): boolean {
  return lastAt !== undefined && Math.abs(now - lastAt) > gapMs;
}

function startAgain(state: RolloutState): RolloutState {
  return {
    ...state,
    startingSince: undefined,
    awaitedMs: undefined,
    furthest: undefined,
    watchingSince: undefined,
  };
}

/** The judgement is stored: go where it leads, and end when only the stable release is left. */
function carryOut(
  state: RolloutState,
  seen: Seen,
  rollout: Rollout,
  judgement: Judgement,
  now: number,
): Step {
  const { candidate, ...desired } = seen.desired;
  if (candidate && judgement.kind === 'failed') {
    return act(startAgain(state), { kind: 'takeBack', rollout, judgement, candidate, desired });
  }
  if (candidate) {
    const { size: _, ...stable } = candidate;
    return act(startAgain(state), { kind: 'set', desired: { ...desired, stable } });
  }
  return settle(state, seen, { kind: 'end', rollout, judgement, seen }, now);
}

/**
 * Waits until only the stable release is left. Where stable replicas had given way they start anew, and the others go as
 * they become ready. Where they do not become ready that has its end as well: what serves, serves on, and the next
 * rollout is not kept from mending it.
 */
function settle(state: RolloutState, seen: Seen, end: End, now: number): Step {
  const { stable, surge, replicas } = seen.desired;
  const left = countOthers(seen, stable);
  const own = seen.replicas.filter((replica) => belongsTo(replica, stable) && isStanding(replica));
  const ready = own.filter(isReady).length;
  const wanted = replicas === 'autoscaled' ? Math.max(1, own.length) : replicas;
  const isBack = end.judgement.kind === 'failed' && givesWay(seen.desired);
  // Where one may be missing, it is still to come when the last of the others has gone.
  if (left === 0 && !(isBack && surge === 'none' && ready < wanted)) return act(state, end);
  const isLeaving = seen.replicas.some((replica) => !isStanding(replica));
  const isWhole = stable === undefined || ready >= wanted;
  const next = awaitNext(state, { far: ready - left, isHeld: isLeaving || isWhole }, now);
  if (now - next.startingSince > state.rules.startMs) return act(next, end);
  const comingBack = isBack ? { stable: { ready, wanted, ...whyWaiting(own) } } : {};
  return act(next, { kind: 'wait' }, [{ kind: 'draining', left, ...comingBack }]);
}

function beforeItsAnswers(state: RolloutState, seen: Seen, candidate: Candidate): RolloutState {
  const { ok, errors } = answersOf(seen.traffic.filter((count) => belongsTo(count, candidate)));
  if (ok + errors > 0) return state;
  return { ...state, stableBefore: stableAnswersOf(seen) };
}

function stableAnswersOf({ traffic, desired }: Seen): Answers {
  return answersOf(traffic.filter((count) => belongsTo(count, desired.stable)));
}

function watch(state: RolloutState, seen: Seen, candidate: Candidate, now: number): Step {
  const { rules } = state;
  const { size } = candidate;
  if (size === 'none') return act(state, { kind: 'wait' });
  const mine = seen.replicas.filter((replica) => belongsTo(replica, candidate));
  const stable = seen.replicas.filter((replica) => belongsTo(replica, seen.desired.stable));
  const stableAnswers = stableAnswersOf(seen);
  const fault = findFault(mine);
  if (fault) return judge(state, seen, judgeStart(fault, answersSince(stableAnswers, state.stableAtStart)));

  const standing = stable.filter(isStanding).length;
  const isOneByOne = givesWay(seen.desired);
  const countOf = (desired: Desired) => candidateCount(desired, standing, mine.filter(isStanding).length);
  const wanted = countOf(seen.desired);
  const ready = mine.filter(isReady).length;
  const isRollback = seen.desired.rollout?.kind === 'rollback';
  const beside = isOneByOne ? { beside: standing } : {};
  const traffic = seen.traffic.filter((count) => belongsTo(count, candidate));
  const answers = answersOf(traffic);
  const besideIt = answersSince(stableAnswers, state.stableBefore);

  const hasToGiveWay = isOneByOne && size === 'all' && standing > 0;
  if (ready < wanted || hasToGiveWay) {
    const way = { far: ready - countOthers(seen, candidate), isHeld: isRoomComing(mine, seen) };
    const waiting = isOneByOne ? awaitNext(state, way, now) : awaitAll(state, now);
    const isAnew = state.startingSince !== waiting.startingSince;
    const stableAtStart = isAnew ? stableAnswers : state.stableAtStart;
    const next = { ...waiting, stableAtStart, watchingSince: undefined };
    // Then there may soon be no stable replica left to serve instead.
    const failure = isOneByOne && !isRollback ? judgeErrors(answers, besideIt, rules.allowance) : undefined;
    if (failure) return judge(next, seen, failure);
    if (now - next.startingSince > rules.startMs) {
      const meanwhile = answersSince(stableAnswers, stableAtStart);
      return judge(next, seen, judgeStart(whyNotReady(mine, seen, rules), meanwhile));
    }
    return act(next, { kind: 'wait' }, [
      { kind: 'starting', size, ready, wanted, ...whyWaiting(mine), ...beside },
    ]);
  }

  const isFresh = state.watchingSince === undefined;
  const watchingSince = state.watchingSince ?? now;
  const awaitedMs = state.startingSince === undefined ? state.awaitedMs : now - state.startingSince;
  const next = { ...state, startingSince: undefined, awaitedMs, watchingSince };
  const started: RolloutEvent[] = isFresh ? [{ kind: 'starting', size, ready, wanted, ...beside }] : [];
  const isHeld = now < (state.heldUntil ?? now);
  if (isRollback && isHeld) return act(next, { kind: 'wait' }, started);
  if (isRollback) return judge(next, seen, { kind: 'good' }, started);

  const elapsedMs = now - watchingSince;
  const watched: RolloutEvent = {
    kind: 'watching',
    size,
    elapsedMs: Math.min(elapsedMs, rules.bakeMs),
    bakeMs: rules.bakeMs,
    traffic: totalOf(seen.traffic),
  };
  const isOver = !isHeld && elapsedMs >= rules.bakeMs && !isAwaiting(traffic, watchingSince + rules.bakeMs);
  const failure = (isOver ? judgeWatch : judgeErrors)(answers, besideIt, rules.allowance);
  if (failure) return judge(next, seen, failure, [...started, watched]);
  if (!isOver) return act(next, { kind: 'wait' }, [...started, watched]);
  const everyone: Desired = { ...seen.desired, candidate: { ...candidate, size: 'all' } };
  if (countOf(everyone) > wanted) {
    return act(startAgain(next), { kind: 'set', desired: everyone }, [...started, watched]);
  }
  return judge(next, seen, { kind: 'good' }, [...started, watched]);
}

/** A request that was sent in the watch still waits: a release that stops answering at its end is not good. */
function isAwaiting(traffic: readonly TrafficCount[], watchedUntil: number): boolean {
  return traffic.some(({ waitingSince = Number.POSITIVE_INFINITY }) => waitingSince <= watchedUntil);
}

/** What no waiting mends. A replica that ended and is ready again shows it by its restarts alone. */
function findFault(mine: readonly ReplicaState[]): Failure | undefined {
  const trouble = mine.find((replica) => replica.trouble?.isConclusive)?.trouble;
  if (trouble) return failed(trouble.cause, trouble.message);
  const restarts = mine.reduce((sum, replica) => sum + replica.restarts, 0);
  return restarts > 0
    ? failed('crashed', `replicas ended by themselves and were started again: ${restarts} in all`)
    : undefined;
}

/** At the deadline: the release's fault, unless the stable one is not ready either. */
function whyNotReady(
  mine: readonly ReplicaState[],
  { desired, replicas }: Seen,
  { startMs }: Rules,
): Failure {
  const { cause, message } = mine.find(({ trouble }) => trouble)?.trouble ?? {
    cause: 'never-ready' as const,
    message: 'no replica was ready',
  };
  const inTime = `not ready in ${showMs(startMs)}: ${message}`;
  const own = replicas.filter((replica) => belongsTo(replica, desired.stable) && isStanding(replica));
  const hasGivenWay = own.length === 0 && givesWay(desired);
  if (desired.stable && !hasGivenWay && !own.some(isReady)) {
    return failed('environment', `${inTime}, and no replica of the stable release is ready`);
  }
  return failed(cause, inTime);
}

function judge(
  state: RolloutState,
  seen: Seen,
  judged: Judgement,
  before: readonly RolloutEvent[] = [],
): Step {
  const rollout = seen.desired.rollout as Rollout;
  const desired: Desired = { ...seen.desired, rollout: { ...rollout, judged } };
  return act(state, { kind: 'set', desired }, [...before, { kind: 'judged', judgement: judged }]);
}

function leave(state: RolloutState, message: string): Step {
  return act(state, { kind: 'leave', message });
}

function act(state: RolloutState, what: Act, events: readonly RolloutEvent[] = []): Step {
  return { state, act: what, events };
}
