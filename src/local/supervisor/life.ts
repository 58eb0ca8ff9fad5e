import type { Cause } from '../../core/verdict.ts';
import type { ReplicaLog } from './replica-log.ts';

/** How one life of a replica ended. */
export interface End {
  /** `exit code 1`, `signal SIGKILL`. */
  readonly how: string;
  /** What is at fault, where the way it ended does not say so. */
  readonly cause?: Cause;
  readonly livedMs: number;
}

/** What runs a replica: a process of this machine, or a container of its engine. */
export interface Life {
  /** On this machine, where it tells. */
  readonly pid: number | undefined;
  /** Where it is reached on 127.0.0.1; 0 before it has begun. */
  readonly port: number;
  /** Resolves when it runs, or has failed to. */
  readonly begun: Promise<unknown>;
  /** Resolves when all that it printed is in the log. */
  readonly printed: Promise<unknown>;
  /** Resolves when nothing is left of it; later than its end. */
  readonly gone: Promise<unknown>;
  /** Asks it to leave, by SIGTERM. */
  terminate(): void;
  /** Ends it at once, with all that it started. */
  kill(): void;
  /**
   * Resolves, in a second or so, when it is known whether it has ended. Asked when a request to it was cut: that is
   * seen before its end is.
   */
  settle(): Promise<unknown>;
  /** Whether it ended because another program took its port before it could. */
  hasLostItsPort(): boolean;
  /**
   * In words, that nothing listens where the service should; nothing where something does. Asked when a
   * connection was refused, or closed without an answer.
   */
  describeSilence(answer: 'refused' | 'closed'): string | undefined;
}

export interface LifeOptions {
  readonly log: ReplicaLog;
  /** Called once; of one that cannot even begin, perhaps before this life is returned. */
  readonly onEnd: (end: End) => void;
  /** It has ended; how will be known in a moment. */
  readonly onEnding: () => void;
}

export type BeginLife = (options: LifeOptions) => Life;
