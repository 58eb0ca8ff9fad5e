import { belongsTo, type Running } from './rollout.ts';
import type { ReplicaState, Seen } from './target.ts';

/** How long replicas were awaited so far. */
export interface Wait {
  /** Since when replicas of the present size are awaited. */
  readonly startingSince?: number;
  /** How long they were awaited before they were ready the last time: the deadline is for all of it. */
  readonly awaitedMs?: number;
  /** Where replicas take each other’s places: how far that had come at the most. */
  readonly furthest?: number;
}

type Awaiting<State> = State & { readonly startingSince: number };

/** One deadline for all of them together. */
export function awaitAll<State extends Wait>(state: State, now: number): Awaiting<State> {
  return { ...state, startingSince: state.startingSince ?? now - (state.awaitedMs ?? 0) };
}

interface Way {
  /** Grows with each replica that becomes ready and each that goes. */
  readonly far: number;
  /** What is awaited has to wait for others itself. */
  readonly isHeld: boolean;
}

/** A deadline for one replica after the other: what comes further gives the next its whole time. */
export function awaitNext<State extends Wait>(
  state: State,
  { far, isHeld }: Way,
  now: number,
): Awaiting<State> {
  const { furthest = Number.NEGATIVE_INFINITY } = state;
  if (far <= furthest && !isHeld) return awaitAll(state, now);
  return { ...state, furthest: Math.max(far, furthest), awaitedMs: undefined, startingSince: now };
}

/** A replica that leaves holds the room of the one that takes its place until it has gone. */
export function isRoomComing(mine: readonly ReplicaState[], { replicas }: Seen): boolean {
  const causes = mine.map(({ trouble }) => trouble?.cause);
  const hasNone = causes.includes('unschedulable') || causes.includes('refused');
  return hasNone && replicas.some(({ phase }) => phase === 'draining');
}

/** What the first of them that has a trouble says of it. */
export function whyWaiting(mine: readonly ReplicaState[]): { readonly waitingFor?: string } {
  const trouble = mine.find((replica) => replica.trouble)?.trouble?.message;
  return trouble === undefined ? {} : { waitingFor: trouble };
}

export function isReady({ phase }: ReplicaState): boolean {
  return phase === 'ready';
}

/** It has not ended and does not leave. */
export function isStanding({ phase }: ReplicaState): boolean {
  return phase === 'starting' || phase === 'ready';
}

export function countOthers({ replicas }: Seen, running: Running | undefined): number {
  return replicas.filter((replica) => !belongsTo(replica, running)).length;
}
