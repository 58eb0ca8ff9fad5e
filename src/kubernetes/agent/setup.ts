import { z } from 'zod';

/** The variable that an agent's setup is in. */
export const setupVariable = 'CAUSEWAY_AGENT';

const probedSchema = z.strictObject({
  /** As the labels of its pods say. */
  release: z.string(),
  secretSet: z.string().optional(),
  port: z.int(),
  paths: z.array(z.string()).min(1),
  timeoutMs: z.number(),
});
/** What replicas of one release are asked. */
export type Probed = Readonly<z.infer<typeof probedSchema>>;

export const agentSetupSchema = z.strictObject({
  place: z.strictObject({ project: z.string(), environment: z.string(), namespace: z.string() }),
  /** The id of the rollout that it is there for. */
  rollout: z.string(),
  /** The Service's own address. */
  service: z.strictObject({ host: z.string(), port: z.int() }),
  running: z.array(probedSchema).min(1),
  /** How long the Lease may stand still before the switch acts. */
  staleMs: z.number().positive(),
  /** The environment's part of the config. */
  config: z.record(z.string(), z.unknown()),
});
/** All that the agent is told. */
export type AgentSetup = Readonly<z.infer<typeof agentSetupSchema>>;
