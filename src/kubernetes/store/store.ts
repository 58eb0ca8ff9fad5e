import type { RolloutRecord } from '../../core/record.ts';
import type { Desired } from '../../core/rollout.ts';
import type { History } from '../../core/target.ts';
import type { StoredRelease } from './stored-release.ts';

/** What an environment shall be, as the cluster keeps it. */
export interface StoredState {
  readonly desired: Desired;
  /** The fencing token of who wrote it: the Lease's `leaseTransitions`. */
  readonly token: number;
  /** The number of the history segment that is written to; it is the history's to move. */
  readonly history: number;
  /** The agent's image, by digest. */
  readonly agentImage?: string;
  /** As it was read; a state without one was never written. */
  readonly resourceVersion?: string;
}

export interface SecretsOptions {
  /** The candidate's and the stable release's: one that holds the same keeps its name. */
  readonly inUse: readonly (string | undefined)[];
  /** A new name, whatever is in use: replicas of the same release are told apart by it. */
  readonly isFresh: boolean;
}

/** What an environment keeps in its namespace: state, releases, settings, secrets and records. */
export interface Store {
  readonly history: History;
  /**
   * Undefined: the environment was never made. Throws `namespace_taken` where another project or environment has the
   * namespace, `state_corrupt` where it cannot be read or a newer Causeway wrote it.
   */
  readState(signal: AbortSignal): Promise<StoredState | undefined>;
  /**
   * Writes `desired`, `token` and `agentImage` over exactly what was read, and answers what is kept now. Throws `ApiRefusal`
   * with status 409 where somebody wrote meanwhile.
   */
  writeState(state: Omit<StoredState, 'history'>, signal: AbortSignal): Promise<StoredState>;
  /**
   * Begins the history with records of an earlier environment, a JSON document each, oldest first; how many it took. None
   * where a history has begun.
   */
  takeIn(records: readonly string[], signal: AbortSignal): Promise<number>;
  /** Writes a state anew where somebody deleted or broke it; for who holds the lock and knows what shall be. */
  restoreState(
    state: Omit<StoredState, 'history' | 'resourceVersion'>,
    signal: AbortSignal,
  ): Promise<StoredState>;
  /** By the label that its pods have. */
  readLabelled(label: string, signal: AbortSignal): Promise<StoredRelease | undefined>;
  /** By its whole id; undefined: it is not kept, or not any more. */
  readRelease(id: string, signal: AbortSignal): Promise<StoredRelease | undefined>;
  /**
   * Keeps a release with its settings, and answers what is kept: of one that is there already, the first bytes, unless its
   * image is pulled from elsewhere by now and it does not run.
   */
  storeRelease(stored: StoredRelease, signal: AbortSignal): Promise<StoredRelease>;
  /**
   * What is kept of a release, its settings put back where somebody deleted them; where none is kept, or `storeRelease`
   * would not keep it, `otherwise` is stored. Undefined: there is neither.
   */
  keepRelease(
    id: string,
    otherwise: StoredRelease | undefined,
    signal: AbortSignal,
  ): Promise<StoredRelease | undefined>;
  /** Tells of a release, by its whole id, whether it is kept. */
  keptReleases(signal: AbortSignal): Promise<(id: string) => boolean>;
  /** At least so many of the newest records, oldest first, with those that tell the revisions of these. */
  newestRecords(state: StoredState, count: number, signal: AbortSignal): Promise<readonly RolloutRecord[]>;
  /** Of the newest records, oldest first, as many as it takes to say since when the stable release is stable. */
  latestRecords(state: StoredState, signal: AbortSignal): Promise<readonly RolloutRecord[]>;
  /** The values by name; undefined: there is no such set. */
  readSecrets(set: string, signal: AbortSignal): Promise<Readonly<Record<string, string>> | undefined>;
  /** The name of a set of these values, one in use where it has them. Undefined: there are none, and none is needed. */
  storeSecrets(
    values: Readonly<Record<string, string>>,
    options: SecretsOptions,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /**
   * Removes what nothing needs any more: all but the stable release, the candidate and the last 20 good ones, with their
   * settings; secret sets, admitted digests and Jobs that nothing uses.
   */
  tidy(desired: Desired, signal: AbortSignal): Promise<void>;
}
