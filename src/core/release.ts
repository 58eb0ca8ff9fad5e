import { z } from 'zod';
import { sha256 } from './sha256.ts';

/** Everything in the config that shapes a replica. */
export const settingsSchema = z.strictObject({
  env: z.record(z.string(), z.string()),
  /** The names of the secrets that it gets; their values are the environment's. */
  secrets: z.array(z.string()),
  port: z.int(),
  paths: z.array(z.string()),
  probes: z.strictObject({
    ready: z.string().optional(),
    live: z.string().optional(),
    metrics: z.string().optional(),
    timeoutMs: z.number(),
  }),
  /** How long a replica may take to finish what is in flight. */
  drainMs: z.number(),
  /** A one-off command that must succeed before a replica of this release starts, such as a migration. */
  releaseCommand: z.array(z.string()).optional(),
  /** What shapes it as a pod, where it is one. */
  pod: z
    .strictObject({
      /** In Kubernetes' quantities; memory is request and limit. */
      resources: z.strictObject({ cpu: z.string(), memory: z.string(), cpuLimit: z.string().optional() }),
      /** How long it goes on answering once it is to leave. */
      preStopMs: z.number(),
    })
    .optional(),
});
export type Settings = Readonly<z.infer<typeof settingsSchema>>;

export const releaseSchema = z.strictObject({
  id: z.string(),
  /** `sha256:…` of the uncompressed application layer (an OCI diffID). */
  artifact: z.string(),
  /** The index digest, where the target needs an image. */
  image: z.string().optional(),
  command: z.array(z.string()),
  settings: settingsSchema,
});
/** Artifact, command and settings in one environment; never changes, and its id is the hash of those. */
export type Release = Readonly<z.infer<typeof releaseSchema>>;

export function makeRelease(parts: Omit<Release, 'id'>): Release {
  return { id: sha256(canonicalJson(parts)), ...parts };
}

/** What people see and type: enough of the id to be told apart. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 7);
}

/** JSON with keys in one order and without undefined values, so that equal content has equal bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
