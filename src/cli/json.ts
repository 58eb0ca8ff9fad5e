import { z } from 'zod';
import { type Status, statusSchema } from '../core/environment.ts';
import { type ErrorCode, errorKinds } from '../core/errors.ts';
import { recordSchema } from '../core/record.ts';
import type { Provenance } from '../image/attest/provenance.ts';
import type { Sbom } from '../image/attest/sbom.ts';

// What `--json` writes to stdout: one document a command, whose shape is one of these.
const errorCodes = Object.keys(errorKinds) as [ErrorCode, ...ErrorCode[]];

/** Beside what a command could still say, where it failed; alone, where it could say nothing. */
const errorSchema = z.strictObject({
  code: z.enum([...errorCodes, 'interrupted', 'bug']),
  message: z.string(),
  hint: z.string(),
  details: z.string().optional(),
});
export const failureSchema = z.strictObject({ error: errorSchema });
export type Failure = Readonly<z.infer<typeof failureSchema>>;

/** A field of an object that is not what it shall be; without a field the object is missing, or one too many. */
const differenceSchema = z.strictObject({
  object: z.string(),
  field: z.string().optional(),
  wanted: z.unknown(),
  found: z.unknown(),
});

/** `up`, `deploy` and `rollback`. */
export const rolloutResultSchema = z.strictObject({
  environment: z.string(),
  url: z.string().optional(),
  /** The release that it moved to, or would have. */
  release: z.string().optional(),
  /** `takenOut`: a rollback ended a rollout that was under way. */
  outcome: z.enum(['unchanged', 'good', 'failed', 'takenOut', 'unknown']),
  /** The release that serves now. */
  serves: z.string().optional(),
  record: recordSchema.optional(),
  /** What was found before it began and kept it from nothing, each with what to do about it, if anything. */
  notes: z.array(z.strictObject({ message: z.string(), hint: z.string() })).optional(),
  /** Where the release serves already: what differed from it or from the config, and was put right. */
  mended: z.array(differenceSchema).optional(),
  elapsedMs: z.number(),
  error: errorSchema.optional(),
});
export type RolloutResult = Readonly<z.infer<typeof rolloutResultSchema>>;

/** `status`, and each line of `status --watch`. */
export const statusResultSchema = statusSchema;

/** `status` of an environment in a cloud whose cluster cannot be asked. */
const cloudStatusResultSchema = z.strictObject({
  environment: z.string(),
  cloud: statusSchema.shape.cloud.unwrap(),
  error: errorSchema.optional(),
});
export type CloudStatusResult = Readonly<z.infer<typeof cloudStatusResultSchema>>;

/** `releases`: latest first. */
export const releasesResultSchema = z.strictObject({
  environment: z.string(),
  stable: z.string().optional(),
  rollouts: z.array(recordSchema),
  /** Of the releases that were good, those that no rollback can return to: no copy of them is kept. */
  gone: z.array(z.string()),
});
export type ReleasesResult = Readonly<z.infer<typeof releasesResultSchema>>;

/** Each line of `logs --follow`, and a member of `logs`. */
export const logLineSchema = z.strictObject({
  at: z.number(),
  replica: z.string(),
  release: z.string(),
  text: z.string(),
});
export const logsResultSchema = z.strictObject({
  environment: z.string(),
  lines: z.array(logLineSchema),
  /** Of a release that has no replica and no log any more: what the record of its rollout kept. */
  evidence: z
    .strictObject({
      rollout: z.string(),
      endedAt: z.number(),
      exit: z.string().optional(),
      lines: z.array(z.string()),
    })
    .optional(),
});
export type LogsResult = Readonly<z.infer<typeof logsResultSchema>>;

export const openResultSchema = z.strictObject({ environment: z.string(), url: z.string() });
export type OpenResult = Readonly<z.infer<typeof openResultSchema>>;

/** `drift`. */
export const driftResultSchema = z.strictObject({
  environment: z.string(),
  /** Why its cluster was not compared; the differences are those of its account. */
  unseen: z.string().optional(),
  differences: z.array(differenceSchema),
  error: errorSchema.optional(),
});
export type DriftResult = Readonly<z.infer<typeof driftResultSchema>>;

/** `render`: the objects as the cluster takes them. */
export const renderResultSchema = z.strictObject({
  environment: z.string(),
  objects: z.array(z.custom<object>((value) => typeof value === 'object' && value !== null)),
});
export type RenderResult = Readonly<z.infer<typeof renderResultSchema>>;

const cloudIdentitySchema = z.strictObject({ account: z.string(), region: z.string(), caller: z.string() });
const costLineSchema = z.strictObject({ item: z.string(), count: z.number(), perHour: z.number() });
/** Amounts are in USD, times in milliseconds since 1970. */
const cloudPlanSchema = z.strictObject({
  identity: cloudIdentitySchema,
  changes: z.array(
    z.strictObject({
      stack: z.string(),
      resource: z.string(),
      type: z.string(),
      action: z.enum(['create', 'update', 'replace', 'delete']),
      fields: z.array(z.string()),
      isAccess: z.boolean(),
    }),
  ),
  price: z.strictObject({
    region: z.string(),
    pricesOf: z.string(),
    collectedIn: z.string(),
    fixed: z.array(costLineSchema),
    usage: z.array(z.object({ item: z.string(), price: z.number(), unit: z.string() })),
    free: z.array(z.string()),
    perHour: z.number(),
    perDay: z.number(),
    perMonth: z.number(),
  }),
  outlook: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('ends'),
      hours: z.number(),
      inAll: z.number(),
      atWorst: z.number(),
      exceedsBudget: z.boolean(),
    }),
    z.strictObject({
      kind: z.literal('stays'),
      perMonth: z.number(),
      atWorst: z.number(),
      budgetDays: z.number(),
      exceedsBudget: z.boolean(),
    }),
  ]),
  budget: z.string(),
  budgetEmail: z.string().optional(),
  usualMs: z.number().optional(),
  expiresAt: z.number().optional(),
});

/** What there was of an environment in a cloud, and what is left of it. */
const cloudReceiptSchema = z.strictObject({
  identity: cloudIdentitySchema,
  at: z.number(),
  items: z.array(
    z.strictObject({
      category: z.string(),
      name: z.string(),
      isGone: z.boolean(),
      /** USD, while it is left. */
      perMonth: z.number().optional(),
      /** The command that removes it by hand. */
      remove: z.string().optional(),
      because: z.string().optional(),
    }),
  ),
  /** USD, of what is left. */
  perMonth: z.number(),
  kept: z.array(z.string()),
  asked: z.array(z.string()),
  file: z.string(),
});

export const planResultSchema = z.strictObject({
  environment: z.string(),
  /** Left out where its cluster cannot be asked, and `unseen` says why. */
  state: statusSchema.shape.state.optional(),
  unseen: z.string().optional(),
  release: z.string(),
  revision: z.string(),
  /** `serves`: nothing to do. `good`, `failed`: how its last rollout here ended. */
  found: z.enum(['new', 'serves', 'good', 'failed']),
  /** Why it failed before. */
  because: z.string().optional(),
  stable: z.string().optional(),
  changes: z.array(z.strictObject({ field: z.string(), from: z.unknown(), to: z.unknown() })),
  /** Where it is made of objects in a cluster, what would change in them, as the server says. */
  objects: z.array(differenceSchema).optional(),
  costs: z.string(),
  /** Of an environment in a cloud: what would change in its account, and what it comes to. */
  cloud: cloudPlanSchema.optional(),
});
export type PlanResult = Readonly<z.infer<typeof planResultSchema>>;

export const downResultSchema = z.strictObject({
  environment: z.string(),
  items: z.array(z.strictObject({ what: z.string(), isGone: z.boolean() })),
  kept: z.array(z.string()),
  /** Of an environment in a cloud. */
  cloud: cloudReceiptSchema.optional(),
  error: errorSchema.optional(),
});
export type DownResult = Readonly<z.infer<typeof downResultSchema>>;

/** `down --all`. */
export const downAllResultSchema = z.strictObject({
  receipts: z.array(downResultSchema.omit({ error: true })),
  error: errorSchema.optional(),
});
export type DownAllResult = Readonly<z.infer<typeof downAllResultSchema>>;

/** `status --all`. */
export const statusAllResultSchema = z.strictObject({
  environments: z.array(
    z.strictObject({
      project: z.string(),
      folder: z.string(),
      environment: z.string(),
      isRunning: z.boolean(),
    }),
  ),
});
export type StatusAllResult = Readonly<z.infer<typeof statusAllResultSchema>>;

/** `image build`. Sizes are of compressed layers, in bytes. */
export const imageBuildResultSchema = z.strictObject({
  /** The index's. */
  image: z.string(),
  artifact: z.string(),
  revision: z.string(),
  platforms: z.array(
    z.strictObject({
      platform: z.string(),
      digest: z.string(),
      base: z.int(),
      runtime: z.int(),
      app: z.int(),
    }),
  ),
  /** What was written with `--output`. */
  output: z.string().optional(),
});
export type ImageBuildResult = Readonly<z.infer<typeof imageBuildResultSchema>>;

/** `image push`. */
export const imagePushResultSchema = z.strictObject({
  /** `registry.example.com/team/shop@sha256:…`: what `deploy --image` takes. */
  reference: z.string(),
  image: z.string(),
  artifact: z.string(),
  revision: z.string(),
  tag: z.string().optional(),
  /** The id of the key that signed it; null where it is not signed. */
  signedBy: z.string().nullable(),
});
export type ImagePushResult = Readonly<z.infer<typeof imagePushResultSchema>>;

/** `image inspect`; with `--sbom` and `--provenance` it is that document. */
export const imageInspectResultSchema = z.strictObject({
  name: z.string(),
  image: z.string(),
  /** None: Causeway did not make it. */
  artifact: z.string().optional(),
  base: z.strictObject({ name: z.string().optional(), digest: z.string() }).optional(),
  platforms: z.array(
    z.strictObject({
      platform: z.string(),
      digest: z.string(),
      layers: z.int(),
      size: z.int(),
      entrypoint: z.array(z.string()),
      command: z.array(z.string()),
      user: z.string().optional(),
    }),
  ),
  /** What its provenance says, unverified. */
  revision: z.string().optional(),
  /** How many components its SBOM names, unverified. */
  components: z.int().optional(),
  hasProvenance: z.boolean(),
  signatures: z.int(),
});
export type ImageInspectResult = Readonly<z.infer<typeof imageInspectResultSchema>>;

/** `image verify`. */
export const imageVerifyResultSchema = z.strictObject({
  name: z.string(),
  image: z.string(),
  isGood: z.boolean(),
  claims: z.array(z.strictObject({ name: z.string(), isGood: z.boolean(), says: z.string() })),
  /** The ids of the trusted keys that signed it. */
  signers: z.array(z.string()),
  /** What its provenance says, where that claim holds. */
  provenance: z
    .strictObject({
      commit: z.string().optional(),
      /** Whether the tree differed from that commit. */
      isChanged: z.boolean(),
      isTested: z.boolean(),
      /** How many tests, where their runner said so. */
      passed: z.int().optional(),
    })
    .optional(),
  error: errorSchema.optional(),
});
export type ImageVerifyResult = Readonly<z.infer<typeof imageVerifyResultSchema>>;

/** `keys init`. */
export const keysInitResultSchema = z.strictObject({
  id: z.string(),
  /** As `image.trust` names it. */
  publicKey: z.string(),
  /** Where the private half lies. */
  privateKey: z.string(),
});
export type KeysInitResult = Readonly<z.infer<typeof keysInitResultSchema>>;

/** `keys list`: in the order of `image.trust`, then those of `keys/` that it does not name. */
export const keysListResultSchema = z.strictObject({
  keys: z.array(
    z.strictObject({
      id: z.string(),
      /** None where only its private half is known, by CAUSEWAY_SIGNING_KEY. */
      publicKey: z.string().optional(),
      /** Whether `image.trust` names it. */
      isTrusted: z.boolean(),
      /** Whether CAUSEWAY_SIGNING_KEY holds its private half. */
      isGiven: z.boolean(),
      /** Whether its private half is on this machine. */
      isHere: z.boolean(),
      /** Whether `image push` signs with it here. */
      signs: z.boolean(),
    }),
  ),
});
export type KeysListResult = Readonly<z.infer<typeof keysListResultSchema>>;

export const doctorResultSchema = z.strictObject({
  environment: z.string(),
  checks: z.array(
    z.strictObject({
      isProblem: z.boolean(),
      /** It could not be looked at. */
      isUnknown: z.boolean().optional(),
      message: z.string(),
      hint: z.string(),
    }),
  ),
  error: errorSchema.optional(),
});
export type DoctorResult = Readonly<z.infer<typeof doctorResultSchema>>;

export const demoResultSchema = z.strictObject({
  /** Whether every promise was kept. */
  isKept: z.boolean(),
  broken: z.array(z.string()),
  acts: z.array(
    z.strictObject({
      act: z.string(),
      came: z.string(),
      elapsedMs: z.number(),
      requests: z.int(),
      errors: z.int(),
      lost: z.int(),
    }),
  ),
  error: errorSchema.optional(),
});
export type DemoResult = Readonly<z.infer<typeof demoResultSchema>>;

/** What `--json` writes, of any command. */
export type JsonResult =
  | Failure
  | Status
  | CloudStatusResult
  | RolloutResult
  | ReleasesResult
  | LogsResult
  | OpenResult
  | DriftResult
  | RenderResult
  | PlanResult
  | DownResult
  | DownAllResult
  | StatusAllResult
  | ImageBuildResult
  | ImagePushResult
  | ImageInspectResult
  /** `image inspect --sbom` and `--provenance`: as it is attached. */
  | Sbom
  | Provenance
  | ImageVerifyResult
  | KeysInitResult
  | KeysListResult
  | DoctorResult
  | DemoResult;
