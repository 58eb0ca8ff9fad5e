import type { Release } from '../../core/release.ts';
import type { Running } from '../../core/rollout.ts';
import type { Exit, Finding, OneOff } from '../../core/target.ts';
import type { OneOffStart } from '../protocol.ts';
import type { Replica } from './replica.ts';

/** How a release becomes replicas: processes of this machine, or containers of its engine. */
export interface Runner {
  /** What would keep its replicas from starting. */
  preflight(release: Release, signal: AbortSignal): Promise<readonly Finding[]>;
  /** Puts what the release is made of where replicas are started from; idempotent. */
  publish(release: Release, signal: AbortSignal): Promise<void>;
  createReplica(running: Running, restarts: number, onChange: () => void): Replica;
  /** Runs a release command to its end. */
  runOneOff(what: OneOff, signal: AbortSignal): Promise<Exit>;
  /** How a command of the user's is started beside the replicas of a release. */
  oneOffStart(running: Running): Promise<OneOffStart>;
}
