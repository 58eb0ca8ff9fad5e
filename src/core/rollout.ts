import { z } from 'zod';
import { releaseSchema } from './release.ts';
import { judgementSchema } from './verdict.ts';

export const rolloutSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['deploy', 'rollback']),
  by: z.string(),
  startedAt: z.number(),
  /** What was in the working tree: `main@4be21c0 and 2 changed files`. */
  revision: z.string().optional(),
  /** The ids of what it moves to. */
  release: z.string(),
  artifact: z.string(),
  image: z.string().optional(),
  signedBy: z.array(z.string()).optional(),
  /** The id of the release that served when it began. */
  replaces: z.string().optional(),
  /** The one-off command. `begun` with unknown end is looked up by the rollout's id, never rerun unasked. */
  command: z.enum(['none', 'begun', 'done']),
  /** Stored before it is acted on, and not judged again. */
  judged: judgementSchema.optional(),
});
/** The act of moving an environment to a release. */
export type Rollout = Readonly<z.infer<typeof rolloutSchema>>;

export const runningSchema = z.strictObject({
  release: releaseSchema,
  /** The random name of the secrets that it is filled in with. */
  secretSet: z.string().optional(),
});
export type Running = Readonly<z.infer<typeof runningSchema>>;

/** How much room a rollout uses beside the stable replicas: for all of the candidate’s, for one, or for none. */
export const surges = ['all', 'one', 'none'] as const;
export type Surge = (typeof surges)[number];

export const desiredSchema = z.strictObject({
  replicas: z.union([z.int().min(1), z.literal('autoscaled')]),
  /** Absent: there is room for all. Otherwise stable replicas give way while those of the candidate become ready. */
  surge: z.enum(surges).exclude(['all']).optional(),
  rollout: rolloutSchema.optional(),
  stable: runningSchema.optional(),
  /** `none`: chosen, but its one-off command has not ended. */
  candidate: runningSchema.extend({ size: z.enum(['none', 'one', 'all']) }).optional(),
});
/** What an environment shall be. Stored whole before each act, so that going on after a crash is the normal case. */
export type Desired = Readonly<z.infer<typeof desiredSchema>>;
export type Candidate = NonNullable<Desired['candidate']>;

/** Replicas are told apart by release and secret set: a rotation is a rollout of the same release. */
export function runningKey({ release, secretSet }: Running): string {
  return secretSet === undefined ? release.id : `${release.id}/${secretSet}`;
}

export function isSame(a: Running | undefined, b: Running | undefined): boolean {
  return a !== undefined && b !== undefined && runningKey(a) === runningKey(b);
}

/** Whether stable replicas go before the verdict of this rollout, and must be started anew if it is bad. */
export function givesWay({ surge, rollout, stable, candidate }: Desired): boolean {
  return surge !== undefined && rollout !== undefined && stable !== undefined && candidate?.size !== 'none';
}

/**
 * How many replicas of the candidate are wanted now. An autoscaler’s number is told by those that there are: by the
 * stable ones, or, where they give way, by both together.
 */
export function candidateCount(
  { replicas, surge, candidate }: Desired,
  stableCount: number,
  candidatesNow = 0,
): number {
  if (!candidate || candidate.size === 'none') return 0;
  if (candidate.size === 'one') return 1;
  if (replicas !== 'autoscaled') return replicas;
  return Math.max(1, stableCount + (surge === undefined ? 0 : candidatesNow));
}

/** Whether a replica, or what it answered, is of this release with this secret set. */
export function belongsTo({ key }: { readonly key?: string }, running: Running | undefined): boolean {
  return running !== undefined && key === runningKey(running);
}

/** A first release has nothing beside it to protect, and a rollback was found good before: all at once. */
export function firstSize(kind: Rollout['kind'], stable: Running | undefined): Candidate['size'] {
  return kind === 'rollback' || stable === undefined ? 'all' : 'one';
}

/** Why a rollout shall be taken out, once somebody asked for that. */
export function giveUpReason(giveUp: AbortSignal | undefined): string | undefined {
  return giveUp?.aborted ? String(giveUp.reason) : undefined;
}
