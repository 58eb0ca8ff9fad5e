import { z } from 'zod';
import { type Cloud, type CloudEmit, type CloudReceipt, cloudStates } from './cloud.ts';
import type { Difference } from './difference.ts';
import type { Emit } from './event.ts';
import type { Platform } from './platform.ts';
import type { RolloutRecord } from './record.ts';
import type { Release } from './release.ts';
import type { Outcome } from './roll-out.ts';
import { rolloutSchema } from './rollout.ts';
import type { Finding } from './target.ts';
import { trafficTotalSchema } from './traffic.ts';

/** What was built: an application layer, named by the digest of its bytes. */
export interface Artifact {
  /** `sha256:…` of `tar`. */
  readonly digest: string;
  /** The uncompressed layer. */
  readonly tar: Uint8Array;
}

/** An image that can be copied to where it is run from. */
export interface ImageContent {
  /** The index's. */
  readonly digest: string;
  /** Writes it as an OCI layout folder that nobody edits, of one platform alone where that is given. */
  copyTo(folder: string, signal: AbortSignal, platform?: Platform): Promise<void>;
}

export interface DeployRequest {
  readonly release: Release;
  /** What the release's artifact names; not needed where replicas are made from an image. */
  readonly artifact?: Artifact;
  /** What the release's image names, where it has one. */
  readonly image?: ImageContent;
  /** The repository that the image was pushed to or comes from, `registry.example.com/team/shop`, where nodes pull it. */
  readonly pullFrom?: string;
  /** The image of the program that watches a rollout from inside, by its reference with digest, where it was published. */
  readonly agentImage?: string;
  /** The trusted keys that have signed the image, by the first 12 letters of their ids, where that was verified just now. */
  readonly signedBy?: readonly string[];
  /** The environment's secrets by name, read just now. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly by: string;
  readonly revision?: string;
  /** Once more, although it serves already, or although the end of its release command is not known. */
  readonly isAgain: boolean;
}

export interface RollbackRequest {
  /** The start of a release's id. Default: the last good one before the one that serves. */
  readonly to?: string;
  /** Where signatures are asked for: the keys that are trusted now, by the first 12 letters of their ids. */
  readonly trusted?: readonly string[];
  readonly by: string;
}

/** The adapters that reach an environment. */
const targets = ['local', 'kubernetes', 'aws'] as const;

const replicaStatusSchema = z.strictObject({
  id: z.string(),
  release: z.string(),
  phase: z.enum(['starting', 'ready', 'draining', 'ended']),
  restarts: z.int(),
  /** Since when it runs, in milliseconds since 1970. */
  startedAt: z.number(),
  /** Why it is not ready. */
  trouble: z.string().optional(),
});
export type ReplicaStatus = Readonly<z.infer<typeof replicaStatusSchema>>;

export const statusSchema = z.strictObject({
  environment: z.string(),
  target: z.enum(targets),
  /**
   * `absent`: nothing was made, or `down` took it away. `stopped`: it was made, but nothing runs it now.
   * `empty`: it runs, and no release was found good yet. `degraded`: the stable release is not well.
   */
  state: z.enum(['absent', 'stopped', 'empty', 'rolling-out', 'serving', 'degraded']),
  url: z.string().optional(),
  stable: z
    .strictObject({
      release: z.string(),
      revision: z.string().optional(),
      /** When it was found good, in milliseconds since 1970. */
      since: z.number().optional(),
    })
    .optional(),
  rollout: rolloutSchema.optional(),
  /** How many replicas are wanted. */
  replicas: z.union([z.int(), z.literal('autoscaled')]).optional(),
  running: z.array(replicaStatusSchema),
  /** Why it is degraded or stopped, or why a rollout has no replica. */
  because: z.string().optional(),
  /** What went through the front door since it was opened; in rollouts our probe's requests, too. */
  traffic: trafficTotalSchema.optional(),
  /** Where its cluster is made in an account of a cloud. */
  cloud: z
    .strictObject({
      account: z.string(),
      region: z.string(),
      state: z.enum(cloudStates),
      because: z.string().optional(),
      /** When it deletes itself, in milliseconds since 1970; absent for a protected one. */
      expiresAt: z.number().optional(),
      /** USD since it was made, by the table of prices. */
      costSoFar: z.number().optional(),
      /** USD. */
      perHour: z.number().optional(),
    })
    .optional(),
});
/** What runs in an environment, and how it is. */
export type Status = Readonly<z.infer<typeof statusSchema>>;

export interface LogQuery {
  readonly follow: boolean;
  /** Milliseconds since 1970; what was printed before is left out. */
  readonly since?: number;
  /** It is so long ago, by the clock of this machine: where lines have another machine's time, it is that clock's. */
  readonly isSpan?: boolean;
  /** The start of a release's id. Default: every release. */
  readonly release?: string;
  /** How many lines at most, the latest; none for all. */
  readonly lines?: number;
}

export interface LogLine {
  readonly at: number;
  readonly replica: string;
  readonly release: string;
  readonly text: string;
}

/** The proof that `down` leaves: what there was, and what is left of it. */
export interface Receipt {
  readonly environment: string;
  readonly items: readonly { readonly what: string; readonly isGone: boolean }[];
  /** What is kept on purpose, and where. */
  readonly kept: readonly string[];
  /** Of a cloud: what it all came to, item by item. */
  readonly cloud?: CloudReceipt;
}

/** Where images are pushed to and pulled from. */
export interface Registry {
  /** `123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop-production`. */
  readonly repository: string;
  /** What it is entered with; undefined for another host than its own. */
  enter(
    host: string,
    signal: AbortSignal,
  ): Promise<{ readonly username: string; readonly password: string } | undefined>;
}

/** The part of an environment that lies in an account of a cloud. */
export interface CloudPart
  extends Pick<Cloud<unknown>, 'identify' | 'plan' | 'up' | 'comingRegistry' | 'inventory' | 'render'> {
  /** How it is without a word of its cluster, which may not answer. */
  status(signal: AbortSignal): Promise<NonNullable<Status['cloud']>>;
  /** What differs in the account, without a word of the cluster. */
  drift(signal: AbortSignal): Promise<readonly Difference[]>;
  registry(signal: AbortSignal): Promise<Registry>;
}

/** An address of this machine that leads to the service. */
export interface Forwarding {
  readonly url: string;
  /** Resolves when it is closed, by the signal or by the environment. */
  readonly ended: Promise<void>;
}

export type RenderRequest = Pick<DeployRequest, 'release' | 'pullFrom'>;

/** Where releases run, as commands see it; each target brings one. */
export interface Environment {
  readonly name: string;
  /** Where its cluster is made in an account of a cloud. */
  readonly cloud?: CloudPart;
  /** Which place it lies in, in one line, where there are several; shown before anything is changed there. */
  locate?(signal: AbortSignal): Promise<string>;
  status(signal: AbortSignal): Promise<Status>;
  /** The status, whenever it changes. */
  watch(signal: AbortSignal): AsyncIterable<Status>;
  /** Throws what would keep every rollout here from beginning, such as an engine that is missing; takes no time. */
  expectNeeds?(signal: AbortSignal): Promise<void>;
  /** Makes what is missing, so that `deploy` finds an environment; says what it did in one line, or nothing. */
  make(signal: AbortSignal): Promise<string | undefined>;
  /** Rolls a release out. Where another process drives the rollout, it goes on when the signal aborts. */
  deploy(request: DeployRequest, emit: Emit, signal: AbortSignal): Promise<Outcome>;
  rollback(request: RollbackRequest, emit: Emit, signal: AbortSignal): Promise<Outcome>;
  /** Oldest first. Older ones than the `newest` so many may be left out, but none that tells the revision of one of those. */
  history(signal: AbortSignal, newest?: number): Promise<readonly RolloutRecord[]>;
  /** Tells of a release that was good here, by its id, whether it is kept, so that a rollback can return to it. */
  keeps(signal: AbortSignal): Promise<(release: string) => boolean>;
  /** The stored manifest of a release that ran here, while it is kept. */
  release(id: string): Promise<Release | undefined>;
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine>;
  /** Runs a one-off replica of the stable release in this terminal; its exit code. */
  run(command: readonly string[], signal: AbortSignal): Promise<number>;
  /** Runs a command in this terminal, inside a replica that runs; its exit code. */
  exec?(command: readonly string[], signal: AbortSignal): Promise<number>;
  /** Where the service has no address of its own: opens one on this machine until the signal aborts. */
  forward?(signal: AbortSignal): Promise<Forwarding>;
  /** The objects that it would be made of, in the order to apply them; without a release, those of the stable one. */
  render?(request: RenderRequest | undefined, signal: AbortSignal): Promise<readonly object[]>;
  /** What `up` would change in what is there, as the environment itself says it; changes nothing. */
  preview?(request: RenderRequest, signal: AbortSignal): Promise<readonly Difference[]>;
  /** What differs from what was rolled out. */
  drift?(signal: AbortSignal): Promise<readonly Difference[]>;
  /** Where the command itself drives rollouts: what becomes of one that is left, and what to do about it. */
  readonly whenLeft?: string;
  /** What it costs to have it, in one line. */
  readonly costs: string;
  /** `emit` is told what a cloud does meanwhile. */
  down(signal: AbortSignal, emit?: CloudEmit): Promise<Receipt>;
  /** What this target needs, each with how to mend it. */
  doctor(signal: AbortSignal): Promise<readonly Finding[]>;
}
