import type { RolloutRecord } from './record.ts';
import type { Release } from './release.ts';
import type { Desired, Running } from './rollout.ts';
import type { TrafficCount } from './traffic.ts';
import type { Cause, Evidence } from './verdict.ts';

export interface ReplicaState {
  readonly id: string;
  /** `runningKey` of what it runs. */
  readonly key: string;
  readonly release: string;
  readonly phase: 'starting' | 'ready' | 'draining' | 'ended';
  /** How often it, or the replica whose place it took, ended by itself. */
  readonly restarts: number;
  readonly trouble?: Trouble;
}

/** Why a replica is not ready. Conclusive: waiting longer will not mend it. */
export interface Trouble {
  readonly cause: Cause;
  readonly message: string;
  readonly isConclusive: boolean;
}

/** A level, not a delta: the whole of what is seen, again and again. */
export type Observation =
  | {
      readonly kind: 'seen';
      readonly at: number;
      readonly desired: Desired;
      readonly replicas: readonly ReplicaState[];
      readonly traffic: readonly TrafficCount[];
      /** What others did meanwhile to what runs for this rollout, since it is watched. */
      readonly disturbances?: readonly string[];
    }
  | { readonly kind: 'unreachable'; readonly at: number; readonly cause: string };
export type Seen = Extract<Observation, { kind: 'seen' }>;

export interface Finding {
  readonly isProblem: boolean;
  /** It could not be looked at, or cannot be known before; the message is what, and why. */
  readonly isUnknown?: boolean;
  readonly message: string;
  /** The command or edit that mends it. Empty where there is nothing to mend; of what is no problem: worth doing all the same. */
  readonly hint: string;
}

export interface Holder {
  readonly by: string;
  readonly purpose: string;
}

/** Held while desired state is changed; a crash frees it. */
export interface Lock {
  /** Grows with each holder, so that a late write of an earlier one is refused. */
  readonly token: number;
  release(): Promise<void>;
}

/** How a one-off command ended. */
export type Exit =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed'; readonly evidence: Evidence }
  | { readonly kind: 'unknown' };

export interface OneOff {
  /** The rollout's id: the command is found again by it. */
  readonly id: string;
  readonly running: Running;
  readonly command: readonly string[];
  /** It was begun before: its end is looked up, and nothing is started. */
  readonly isBegun: boolean;
  /** After this long it is ended, and has failed. */
  readonly timeoutMs: number;
}

/** Append-only, and beside the environment. */
export interface History {
  /** Idempotent by the record's id. */
  append(record: RolloutRecord): Promise<void>;
  /** Oldest first. */
  list(): Promise<readonly RolloutRecord[]>;
  /** The stored manifest of a release that ran here, while it is kept. */
  release(id: string): Promise<Release | undefined>;
}

/**
 * Where releases run: processes on this machine, pods in a cluster. What fails because the environment does not answer
 * throws `UnreachableError`; `observe` yields that instead.
 */
export interface Target {
  /** What would make the rollout fail, found before anything changes. */
  preflight(desired: Desired, signal: AbortSignal): Promise<readonly Finding[]>;
  /** Puts the release where replicas are started from; idempotent. */
  publish(release: Release, signal: AbortSignal): Promise<void>;
  /** Throws `rollout_running` where another holds it. */
  lock(holder: Holder, signal: AbortSignal): Promise<Lock>;
  /** Stores what shall be, then goes there; idempotent. */
  set(desired: Desired, lock: Lock): Promise<void>;
  /**
   * At least once a second, so that `step` needs no timer, and at once when something changes. What is pulled
   * after a `set` returned shows what was set.
   */
  observe(signal: AbortSignal): AsyncIterable<Observation>;
  /** Runs the release's one-off command to its end. */
  run(what: OneOff, signal: AbortSignal): Promise<Exit>;
  /** How the replicas of this release ended and what they printed last. */
  evidence(running: Running, signal: AbortSignal): Promise<Evidence>;
  readonly history: History;
}
