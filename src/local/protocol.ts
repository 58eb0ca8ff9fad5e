import type { Status } from '../core/environment.ts';
import type { UserErrorFields } from '../core/errors.ts';
import type { RolloutEvent } from '../core/event.ts';
import type { Outcome } from '../core/roll-out.ts';
import type { ContainerOptions } from './engine/container-spec.ts';

/**
 * The number of what command and supervisor say to each other. A supervisor of another number is replaced by
 * `up`; `GET /status` and `POST /stop` stay as they are for ever, so that this is always possible.
 */
export const protocol = 4;

/** What a supervisor answers to `GET /status`. */
export interface Hello {
  readonly protocol: number;
  readonly pid: number;
  readonly status: Status;
}

/** The lines that a supervisor answers to `POST /deploy` and `/rollback`, one JSON document each. */
export type Message =
  | { readonly kind: 'event'; readonly event: RolloutEvent }
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  | { readonly kind: 'error'; readonly error: UserErrorFields }
  | { readonly kind: 'bug'; readonly stack: string };

/** How a one-off replica of the stable release is started, as `POST /one-off` answers. */
export type OneOffStart =
  | {
      readonly kind: 'process';
      readonly workingFolder: string;
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'container';
      /** The engine's. */
      readonly socket: string;
      readonly container: Pick<ContainerOptions, 'image' | 'env' | 'labels'>;
      /** Begins with this. */
      readonly name: string;
    };

/** Why a supervisor that was just started has ended. */
export const supervisorExits = { wanted: 0, otherWon: 3, portBusy: 4, stateNotWritable: 5 } as const;
