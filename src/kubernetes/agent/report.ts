import { z } from 'zod';

const countSchema = z.int().min(0);
/** How many answers fell into a bucket of core's `latencyBounds`; empty ones are left out. */
const latencySchema = z.array(z.tuple([z.int().min(0), countSchema]));

const replicaReportSchema = z.object({
  /** The pod's name. */
  name: z.string(),
  /** As its labels say. */
  release: z.string(),
  secretSet: z.string().optional(),
  /** Answered 200–399 and whole. */
  ok: countSchema,
  /** Of the answers that were no error of transport, how many had a status of 4xx and of 5xx. */
  rejected: countSchema,
  failed: countSchema,
  /** Of those two, by path and status. */
  faults: z.array(z.tuple([z.string(), z.int(), countSchema])).optional(),
  /** No connection; closed before the end of the answer; no answer in time; not HTTP. */
  refused: countSchema,
  cut: countSchema,
  late: countSchema,
  malformed: countSchema,
  /** Cut while it left, although it had begun to answer. */
  lost: countSchema,
  /** On a kept connection that was closed before a byte of the answer: sent once more. */
  retried: countSchema,
  latency: latencySchema,
  /** For how long the oldest request that waits for its answer did so; clocks may differ, so it is no time of day. */
  waitingMs: z.number().min(0).optional(),
});
/** What the probe saw of one replica at its own address. */
export type ReplicaReport = Readonly<z.infer<typeof replicaReportSchema>>;

const serviceReportSchema = z.object({
  ok: countSchema,
  /** Answers of 5xx, and what failed in transport while a replica was not well. */
  errors: countSchema,
  /** Those of the errors that are answers of 5xx. */
  failed: countSchema.optional(),
  /** Those of the errors that got no answer in time. */
  late: countSchema,
  /** What failed in transport while every replica was well. */
  lost: countSchema,
  retried: countSchema,
  /** The latest few that were lost, in words. */
  losses: z.array(z.string()).optional(),
});
/** What the probe saw through the Service: what users see. */
export type ServiceReport = Readonly<z.infer<typeof serviceReportSchema>>;

export const agentReportSchema = z.object({
  kind: z.literal('report'),
  rollout: z.string(),
  /** Milliseconds since 1970, by the agent's clock. */
  at: z.number(),
  service: serviceReportSchema,
  replicas: z.array(replicaReportSchema),
});
/** All that the agent saw since it started, as a line of its log: a level, not a delta. */
export type AgentReport = Readonly<z.infer<typeof agentReportSchema>>;

/** What a line of the agent's log says; undefined for what is none of its reports. */
export function parseReport(line: string): AgentReport | undefined {
  if (!line.startsWith('{"kind":"report"')) return undefined;
  try {
    return agentReportSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
