import { z } from 'zod';
import { releaseSchema } from '../../core/release.ts';

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
  commandMs: z.number(),
  unreachableMs: z.number(),
  allowance: z.strictObject({ errorShare: z.number(), slowdown: z.number() }),
});

const environmentSchema = z.strictObject({
  replicas: z.int(),
  rules: rulesSchema,
});
/** What the config says of the environment itself. */
export type EnvironmentSettings = Readonly<z.infer<typeof environmentSchema>>;

/** The socket of the engine that containers are run in from now on, where the command looked for one. */
const engineSchema = z.string().optional();

/** The body of `POST /deploy`. */
export const deploySchema = z.strictObject({
  release: releaseSchema,
  secrets: z.record(z.string(), z.string()),
  by: z.string(),
  revision: z.string().optional(),
  signedBy: z.array(z.string()).optional(),
  environment: environmentSchema,
  isAgain: z.boolean(),
  engine: engineSchema,
});

/** The body of `POST /rollback`. */
export const rollbackSchema = z.strictObject({
  to: z.string().optional(),
  trusted: z.array(z.string()).optional(),
  by: z.string(),
  environment: environmentSchema,
  engine: engineSchema,
});
