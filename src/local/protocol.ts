import { z } from 'zod';
import type { Status } from '../core/environment.ts';
import type { UserErrorFields } from '../core/errors.ts';
import type { RolloutEvent } from '../core/event.ts';
import { releaseSchema } from '../core/release.ts';
import type { Outcome } from '../core/roll-out.ts';

/**
 * The number of what command and supervisor say to each other. A supervisor of another number is replaced by
 * `up`; `GET /status` and `POST /stop` stay as they are for ever, so that this is always possible.
 */
export const protocol = 1;

export const setupSchema = z.strictObject({
  environment: z.string(),
  root: z.string(),
  socket: z.string(),
  port: z.int(),
});
/** What a supervisor is started with. */
export type Setup = Readonly<z.infer<typeof setupSchema>>;

const rulesSchema = z.strictObject({
  bakeMs: z.number(),
  startMs: z.number(),
  unreachableMs: z.number(),
  allowance: z.strictObject({ errorShare: z.number(), slowdown: z.number() }),
});

const environmentSchema = z.strictObject({
  replicas: z.int(),
  rules: rulesSchema,
});
/** What the config says of the environment itself. */
export type EnvironmentSettings = Readonly<z.infer<typeof environmentSchema>>;

export const deploySchema = z.strictObject({
  release: releaseSchema,
  secrets: z.record(z.string(), z.string()),
  by: z.string(),
  revision: z.string().optional(),
  environment: environmentSchema,
  isAgain: z.boolean(),
});

export const rollbackSchema = z.strictObject({
  to: z.string().optional(),
  by: z.string(),
  environment: environmentSchema,
});

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
export interface OneOffStart {
  readonly workingFolder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Why a supervisor that was just started has ended. */
export const supervisorExits = { wanted: 0, otherWon: 3, portBusy: 4, stateNotWritable: 5 } as const;
