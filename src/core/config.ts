import { z } from 'zod';
import { anchorOf, type KeySchema, keyAt } from './config-keys.ts';
import { describeIssue, listProblems, unknownKey } from './config-problems.ts';
import { didYouMean } from './did-you-mean.ts';
import { type Duration, toMs } from './duration.ts';
import { durationSchema } from './duration-schema.ts';
import { UserError } from './errors.ts';
import { plainCopy } from './plain-copy.ts';
import { platforms } from './platform.ts';
import type { Settings } from './release.ts';
import { surges } from './rollout.ts';
import type { Rules } from './step.ts';
import { mostVariableBytes, showKib } from './variable-size.ts';

/** What the operating system takes as an argument or a variable's value. */
const textSchema = z.string().regex(/^[^\0]*$/, { error: 'has a NUL character in it' });
const argvSchema = z.array(textSchema.min(1)).min(1);
const shellSchema = z.union([textSchema.min(1), argvSchema], {
  error: "is not a command; write a text, or a list such as ['bun', 'test']",
});
const pathSchema = z
  .string()
  .regex(/^\/(?![/\\])[!-~]*$/, { error: "is not a path; write '/' or '/readyz'" })
  .meta({ title: 'path' });
const portSchema = z.int().min(1).max(65_535);
const nameSchema = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, {
    error: "is not a name; use lower-case letters, digits and '-', 40 at most, and begin with a letter",
  })
  .meta({ title: 'name' });
const variableSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: "is not the name of a variable; use letters, digits and '_'",
});
/** How long to wait for something; waiting for no time at all would always fail. */
const waitSchema = durationSchema.refine((text) => toMs(text) > 0, { error: 'is no time at all' });

/** A replica is told its address and what it is by these. */
const givenNames = ['PORT', 'HOST', 'RELEASE'];
const ownVariableSchema = variableSchema.refine((name) => !givenNames.includes(name), {
  error: 'is given to each replica by Causeway',
});
const valueSchema = textSchema.refine((text) => Buffer.byteLength(text) <= mostVariableBytes, {
  error: ({ input }) =>
    `has ${showKib(Buffer.byteLength(String(input)))}; a process can be given ${showKib(mostVariableBytes)} in one variable`,
});
const envSchema = z.record(ownVariableSchema, valueSchema).meta({ title: 'texts by name' });

const secretSourceSchema = z.union(
  [
    z.strictObject({ env: variableSchema.describe('The variable of your shell that holds it.') }),
    z.strictObject({
      file: textSchema.min(1).describe('The file that holds it; a last line break is left out.'),
    }),
    z.strictObject({
      command: argvSchema.describe('The command that prints it, such as a password manager’s.'),
    }),
  ],
  {
    error:
      "is not the source of a secret; write one of { env: 'NAME' }, { file: 'path' }, { command: ['…'] }",
  },
);
const secretsSchema = z.record(ownVariableSchema, secretSourceSchema).meta({ title: 'sources by name' });

const probesSchema = z.strictObject({
  ready: pathSchema
    .optional()
    .describe('Answers 200–399 when a replica may receive traffic. Default: the first of `paths`.'),
  live: pathSchema
    .optional()
    .describe(
      'Answers 200–399 as long as a replica need not be restarted. Without it, only one that ended is restarted.',
    ),
  metrics: pathSchema
    .optional()
    .describe('Prometheus metrics, by which a candidate is judged in a cluster. See service-contract.md.'),
  timeout: waitSchema.default('1s').describe('How long an answer to a probe may take.'),
});

const serviceSchema = z
  .strictObject({
    entry: z
      .string()
      .min(1)
      .optional()
      .describe('A TypeScript or JavaScript file, bundled with all that it imports and run by Bun.'),
    files: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Instead of `entry`, for any language: the files that make the artifact, as paths or globs.'),
    command: argvSchema
      .optional()
      .describe('With `files`: what starts a replica, run in the folder of the files.'),
    test: shellSchema
      .optional()
      .describe(
        'Run before every rollout; a release whose tests fail is not rolled out. A text is run by /bin/sh.',
      ),
    port: portSchema
      .default(8080)
      .describe('`PORT` in a container. On this machine each replica is given a free one.'),
    paths: z
      .array(pathSchema)
      .min(1)
      .default(['/'])
      .describe('Declared paths: each must answer 200–399 before a replica counts as started.'),
    probes: probesSchema.prefault({}).describe('Where a replica says how it is.'),
    env: envSchema
      .default({})
      .describe('Variables of every environment: 127 KiB each, and 384 KiB in all, at most.'),
    secrets: secretsSchema
      .default({})
      .describe(
        'Secrets by source; never in a record, an event or an object’s name, and left out, as the part on secrets says, of what a bad release printed where that is kept or told; `logs` shows what a replica prints as it is.',
      ),
    drain: durationSchema.default('30s').describe('How long a replica may take to finish what is in flight.'),
    release: argvSchema
      .optional()
      .describe(
        'A one-off command, such as a migration, that must succeed before a replica of the release starts.',
      ),
  })
  .superRefine(checkParts, { when: ({ value }) => isObject(value) });

/** What an artifact is made of: `entry` alone, or `files` with `command`. */
function checkParts(
  {
    entry,
    files,
    command,
  }: { readonly entry?: unknown; readonly files?: unknown; readonly command?: unknown },
  context: z.core.$RefinementCtx,
): void {
  const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
  if (entry === undefined && files === undefined) {
    wrong('entry', 'is missing; or give files and command for a service that Bun does not run');
  }
  if (entry !== undefined && files !== undefined) wrong('files', 'goes without entry; write one of the two');
  if (entry !== undefined && command !== undefined) wrong('command', 'goes with files, and entry without it');
  if (files !== undefined && entry === undefined && command === undefined) {
    wrong('command', 'is missing; it starts a replica');
  }
}

const allowanceSchema = z.strictObject({
  errorShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe(
      'The share of failed requests up to which a release is good; beyond it, it is compared with the stable one.',
    ),
  slowdown: z
    .number()
    .min(1)
    .default(1.5)
    .describe(
      'How many times as long as the stable release’s its answers may take, at the median and the slowest 5 %.',
    ),
});

const deadlinesSchema = z.strictObject({
  start: waitSchema.default('20s').describe('For replicas to become ready.'),
  test: waitSchema.default('10m').describe('For the test command.'),
  release: waitSchema.default('10m').describe('For the release command.'),
  hook: waitSchema.default('5m').describe('For a hook.'),
});

const hooksSchema = z.strictObject({
  before: shellSchema
    .optional()
    .describe(
      'Before a rollout; if it fails, nothing is rolled out. Neither hook runs where the release serves already, though a changed secret starts its replicas anew.',
    ),
  after: shellSchema
    .optional()
    .describe(
      'After a rollout, with CAUSEWAY_RELEASE and CAUSEWAY_VERDICT (good or failed). Its failure is told, and changes nothing.',
    ),
});

/** glibc, and no program. */
export const defaultBase = 'gcr.io/distroless/cc-debian12:nonroot';

const imageSchema = z.strictObject({
  base: textSchema
    .min(1)
    .default(defaultBase)
    .describe(
      'What the layers lie on: an image by its name and tag, or `oci:<folder>` for an OCI layout. Its digest is noted in `causeway.lock.json`, which belongs to the repository.',
    ),
  runtime: z
    .enum(['bun', 'none'])
    .optional()
    .describe(
      "The layer between base and service: Bun, or none where the base brings what the service needs. Default: `'bun'` with `entry`, `'none'` with `files`.",
    ),
  repository: textSchema
    .min(1)
    .optional()
    .describe(
      'Where `image push` writes to, and `up` of an environment in a cluster, whose nodes pull from there: `registry.example.com/team/shop`.',
    ),
  platforms: z
    .array(z.enum(platforms))
    .min(1)
    .default([...platforms])
    .describe('What the image can be run on.'),
  trust: z
    .array(textSchema.min(1))
    .default([])
    .describe(
      'The public keys whose signatures count, as files that `keys init` makes. The last one of which this machine has the private key signs.',
    ),
});

/** Where the front door listens unless the config says otherwise. */
const defaultPort = 8080;

const localSchema = z.strictObject({
  target: z.literal('local').describe('Replicas on this machine behind a front door on 127.0.0.1.'),
  runner: z
    .enum(['process', 'container'])
    .default('process')
    .describe(
      'What a replica is: a process, or a container of the built image, run by the Docker engine of this machine.',
    ),
  signed: z
    .boolean()
    .default(false)
    .describe(
      'Whether only images are rolled out that `image verify` finds good: whole, with SBOM and provenance, signed by a key of `image.trust`.',
    ),
  port: portSchema
    .default(defaultPort)
    .describe('Where the front door listens; two local environments need two.'),
  replicas: z.int().min(1).max(64).default(2).describe('How many running copies.'),
  bake: durationSchema
    .default('2s')
    .describe('How long the candidate is watched: once as one replica, once as all of them.'),
  allow: allowanceSchema.prefault({}).describe('What a release may do and still be good.'),
  deadlines: deadlinesSchema.prefault({}).describe('When waiting ends.'),
  env: envSchema.default({}).describe('Variables of this environment; they win over the service’s.'),
  secrets: secretsSchema.default({}).describe('Secrets of this environment; they win over the service’s.'),
  hooks: hooksSchema.prefault({}).describe('Commands of yours around a rollout, run where `causeway` runs.'),
});

const namespaceSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
    error: "is not the name of a namespace; use lower-case letters, digits and '-', 63 at most",
  })
  .meta({ title: 'name' });
const cpuSchema = z
  .string()
  .regex(/^([1-9][0-9]*m|[0-9]+(\.[0-9]{1,3})?)$/, { error: "is not a CPU quantity; write '100m' or '1.5'" })
  .meta({ title: 'quantity' });
const memorySchema = z
  .string()
  .regex(/^[1-9][0-9]*(Ki|Mi|Gi|k|M|G)$/, { error: "is not a memory quantity; write '128Mi' or '1Gi'" })
  .meta({ title: 'quantity' });
const objectNameSchema = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, { error: 'is not the name of a Kubernetes object' })
  .meta({ title: 'name' });
const annotationsSchema = z.record(z.string().min(1), textSchema).meta({ title: 'texts by name' });

const resourcesSchema = z.strictObject({
  cpu: cpuSchema.default('100m').describe('What a replica is promised.'),
  memory: memorySchema.default('256Mi').describe('What a replica is promised, and the most it may take.'),
  cpuLimit: cpuSchema.optional().describe('The most it may take. Default: what is free.'),
});

const exposureSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('clusterip').describe('Inside the cluster alone; `causeway open` reaches it.'),
    }),
    z.strictObject({
      kind: z.literal('loadbalancer').describe('A load balancer of the cluster’s own.'),
      port: portSchema.default(80).describe('Where it listens.'),
      annotations: annotationsSchema.default({}).describe('Of the Service, for the load balancer.'),
    }),
    z.strictObject({
      kind: z.literal('ingress').describe('An Ingress, for the controller that the cluster has.'),
      host: textSchema.min(1).describe('The name by which it is reached.'),
      className: objectNameSchema.optional().describe('The class of the controller. Default: the cluster’s.'),
      tlsSecret: objectNameSchema.optional().describe('The Secret that holds the certificate.'),
      annotations: annotationsSchema
        .default({})
        .describe('Of the Ingress, such as the one by which cert-manager makes a certificate.'),
    }),
  ])
  .meta({ title: 'exposure' });

const originSchema = z.union(
  [
    z.strictObject({ namespace: namespaceSchema.describe('Every pod of that namespace.') }),
    z.strictObject({
      cidr: z.union([z.cidrv4(), z.cidrv6()]).describe('Every address of that range.'),
    }),
  ],
  { error: "is not an origin; write { namespace: 'ingress-nginx' } or { cidr: '10.0.0.0/8' }" },
);

const autoscaleSchema = z
  .strictObject({
    min: z.int().min(1).max(1000).default(2).describe('The fewest.'),
    max: z.int().min(1).max(1000).describe('The most.'),
    cpu: z
      .int()
      .min(1)
      .max(1000)
      .default(80)
      .describe('The share of the promised CPU that is aimed at, in percent.'),
  })
  .superRefine(({ min, max }, context) => {
    if (max < min)
      context.addIssue({ code: 'custom', path: ['max'], message: `is less than min, which is ${min}` });
  });

const kubernetesSchema = z.strictObject({
  target: z.literal('kubernetes').describe('Replicas as pods of a cluster, Kubernetes 1.30 or later.'),
  context: textSchema
    .min(1)
    .optional()
    .describe(
      'The context of your kubeconfig; `--context` wins over it. One of the two is needed: the context that a shell happens to have is never taken.',
    ),
  namespace: namespaceSchema
    .optional()
    .describe(
      'Default: `<project>-<environment>`, which `up` makes and `down` removes. One that is there already is used as it is, and left.',
    ),
  signed: z
    .boolean()
    .default(false)
    .describe(
      'Whether only images are rolled out that `image verify` finds good: whole, with SBOM and provenance, signed by a key of `image.trust`.',
    ),
  replicas: z.int().min(1).max(1000).default(2).describe('How many running copies.'),
  autoscale: autoscaleSchema
    .optional()
    .describe('Instead of `replicas`: as many as the load needs. The cluster needs metrics-server.'),
  surge: z
    .enum(surges)
    .default('all')
    .describe(
      "What room a rollout uses. `'all'`: for all replicas of both releases, so that the stable one serves whole until the verdict. `'one'`: for one replica more; once it was watched the others follow one by one in the places of stable ones, which are started anew if the release turns bad later. `'none'`: as `'one'`, but one stable replica makes room for the first; it takes two replicas.",
    ),
  exposure: exposureSchema.default({ kind: 'clusterip' }).describe('How the service is reached.'),
  allowFrom: z
    .array(originSchema)
    .optional()
    .describe(
      'Who may open connections to replicas. Default: pods of the same namespace; with a load balancer or an Ingress, everybody.',
    ),
  resources: resourcesSchema.prefault({}).describe('What a replica is given.'),
  preStop: durationSchema
    .default('10s')
    .describe(
      'How long a replica that leaves goes on answering, while the cluster learns that it leaves; behind a cloud’s load balancer 25 s or more.',
    ),
  pullSecret: objectNameSchema
    .optional()
    .describe('The Secret by which nodes pull the image; it is there before, in the same namespace.'),
  bake: durationSchema
    .default('15s')
    .describe('How long the candidate is watched: once as one replica, once as all of them.'),
  allow: allowanceSchema.prefault({}).describe('What a release may do and still be good.'),
  deadlines: deadlinesSchema
    .extend({
      start: waitSchema
        .default('2m')
        .describe('For replicas to become ready; pulling the image is part of it.'),
    })
    .prefault({})
    .describe('When waiting ends.'),
  env: envSchema.default({}).describe('Variables of this environment; they win over the service’s.'),
  secrets: secretsSchema.default({}).describe('Secrets of this environment; they win over the service’s.'),
  hooks: hooksSchema.prefault({}).describe('Commands of yours around a rollout, run where `causeway` runs.'),
});

/** What a cloud brings itself. */
const brought = {
  context: true,
  namespace: true,
  exposure: true,
  allowFrom: true,
  pullSecret: true,
} as const;

const awsSchema = kubernetesSchema.omit(brought).extend({
  target: z
    .literal('aws')
    .describe('Replicas as pods of a cluster that `up` makes in your AWS account, and `down` takes away.'),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, { error: "is not a region; write 'eu-central-1'" })
    .meta({ title: 'region' })
    .optional()
    .describe('Default: that of your environment or profile.'),
  account: z
    .string()
    .regex(/^\d{12}$/, { error: 'is not the number of an account; write its twelve digits' })
    .meta({ title: 'account' })
    .optional()
    .describe('The account that it lies in; credentials of another are refused. Default: whosever they are.'),
  network: z
    .enum(['public', 'private'])
    .default('public')
    .describe(
      "`'public'`: nodes have public addresses, and security groups let nobody in. `'private'`: nodes have none, and a NAT gateway leads out, which costs more.",
    ),
  zones: z
    .tuple([textSchema.min(1), textSchema.min(1)])
    .optional()
    .describe(
      'Two availability zones that EKS serves. Default: the region’s first two; us-east-1, us-west-1 and ca-central-1 have zones that it does not serve.',
    ),
  domain: z
    .string()
    .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, {
      error: "is not a domain; write 'shop.example.com'",
    })
    .meta({ title: 'domain' })
    .optional()
    .describe(
      'The name that it is reached by over HTTPS, in a hosted zone of the account. Default: a name of AWS’, over HTTP.',
    ),
  admins: z
    .array(
      z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:(user|role)\/.+$/, {
        error: "is not the ARN of a user or role; write 'arn:aws:iam::123456789012:role/deployer'",
      }),
    )
    .default([])
    .describe('Users and roles beside the caller who may do everything in the cluster.'),
  allowApiFrom: z
    .array(z.cidrv4())
    .min(1)
    .optional()
    .describe(
      'Addresses from which the cluster’s API server is reached. Default: yours alone, as it is now.',
    ),
  ttl: durationSchema
    .default('8h')
    .describe('How long after it was made it deletes itself; `up --ttl` counts anew.'),
  protected: z.boolean().default(false).describe('Whether it stays until `down`, and has no time to live.'),
  budget: z
    .number()
    .positive()
    .default(100)
    .describe('USD a month. What would cost more is refused without `--over-budget`; an alarm tells of it.'),
  preStop: durationSchema
    .default('30s')
    .describe(
      'How long a replica that leaves goes on answering, while the load balancer learns that it leaves.',
    ),
});

export const configSchema = z
  .strictObject({
    project: nameSchema.describe('The name of the project; names in a cluster or a cloud are made from it.'),
    service: serviceSchema.describe('What is deployed: one HTTP service in any language.'),
    image: imageSchema.prefault({}).describe('What the service is packed into where it runs as a container.'),
    environments: z
      .record(nameSchema, z.discriminatedUnion('target', [localSchema, kubernetesSchema, awsSchema]))
      .superRefine(checkEnvironments, { when: ({ value }) => isObject(value) })
      .meta({ title: 'environments by name', minProperties: 1 })
      .describe(
        'Where it is deployed to, by name. The one called `local` is meant when a command names none.',
      ),
  })
  .superRefine(checkSigned, { when: ({ value }) => isObject(value) })
  .superRefine(checkSizes, { when: ({ value }) => isObject(value) })
  .superRefine(checkNamespaces, { when: ({ value }) => isObject(value) });

/** A signature counts by a trusted key alone. */
function checkSigned(
  { image, environments }: { readonly image?: unknown; readonly environments?: unknown },
  context: z.core.$RefinementCtx,
): void {
  const trusts = isObject(image) && Array.isArray(image.trust) && image.trust.length > 0;
  if (trusts || !isObject(environments)) return;
  for (const [name, environment] of Object.entries(environments)) {
    if (!isObject(environment) || environment.signed !== true) continue;
    const message = 'needs a key in image.trust; causeway keys init makes one';
    context.addIssue({ code: 'custom', path: ['environments', name, 'signed'], message });
  }
}

/** Two releases, with all their variables, are kept in one object of a cluster, which holds 1 MiB. */
const mostVariablesBytes = 384 * 1024;

function checkSizes(
  { service, environments }: { readonly service?: unknown; readonly environments?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if (!isObject(environments)) return;
  const shared = isObject(service) && isObject(service.env) ? service.env : {};
  for (const [name, environment] of Object.entries(environments)) {
    const own = isObject(environment) && isObject(environment.env) ? environment.env : {};
    // What is no text is told apart, and JSON has no word for some of it.
    const texts = Object.entries({ ...shared, ...own }).filter(([, value]) => typeof value === 'string');
    const bytes = Buffer.byteLength(JSON.stringify(Object.fromEntries(texts)));
    if (bytes <= mostVariablesBytes) continue;
    context.addIssue({
      code: 'custom',
      path: ['environments', name, 'env'],
      message: `has ${showKib(bytes)} with service.env; ${showKib(mostVariablesBytes)} at most, so put what is large into files of the service`,
    });
  }
}

/** What a namespace is called may be 63 letters long; by default it is project and environment together. */
const longestNamespace = 63;

function checkNamespaces(
  { project, environments }: { readonly project?: unknown; readonly environments?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if (typeof project !== 'string' || !isObject(environments)) return;
  for (const [name, environment] of Object.entries(environments)) {
    if (!isObject(environment) || environment.target === 'local' || environment.namespace !== undefined)
      continue;
    const namespace = `${project}-${name}`;
    if (namespace.length <= longestNamespace) continue;
    const mend = environment.target === 'kubernetes' ? 'write namespace here' : 'give it a shorter name';
    context.addIssue({
      code: 'custom',
      path: ['environments', name],
      message: `makes the namespace ${namespace} of ${namespace.length} letters; ${longestNamespace} at most, so ${mend}`,
    });
  }
}

function checkEnvironments(
  environments: Readonly<Record<string, unknown>>,
  context: z.core.$RefinementCtx,
): void {
  const wrong = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (Object.keys(environments).length === 0 && context.issues.length === 0)
    wrong([], "is empty; write local: { target: 'local' }");
  const holders = new Map<string, string>();
  for (const [name, environment] of Object.entries(environments)) {
    if (isObject(environment) && environment.surge === 'none' && fewestOf(environment) === 1)
      wrong(
        [name, 'surge'],
        `takes two replicas: with one that makes room for the candidate, nothing serves; write 'one', or ${isObject(environment.autoscale) ? 'autoscale.min' : 'replicas'}: 2`,
      );
    if (!isObject(environment) || environment.target !== 'local' || !Number.isInteger(environment.port))
      continue;
    const { port, runner } = environment;
    // The same service as processes and as containers: one of the two is up at a time.
    const place = `${port} ${String(runner)}`;
    const holder = holders.get(place);
    if (holder === undefined) holders.set(place, name);
    else
      wrong(
        [name, 'port'],
        `is the port of ${holder} too; ${name} needs another (the default is ${defaultPort})`,
      );
  }
}

/** Of replicas, at any time. */
function fewestOf({ replicas, autoscale }: Readonly<Record<string, unknown>>): unknown {
  return isObject(autoscale) ? autoscale.min : replicas;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What `causeway.config.ts` exports: `export default { … } satisfies CausewayConfig`. */
export interface CausewayConfig extends Omit<z.input<typeof configSchema>, 'service' | 'environments'> {
  readonly service: ServiceInput;
  readonly environments: Readonly<Record<string, LocalInput | KubernetesInput | AwsInput>>;
}
// With a member of their own, the compiler's errors name them instead of printing every key.
interface ServiceInput extends z.input<typeof serviceSchema> {
  readonly drain?: Duration;
}
interface LocalInput extends z.input<typeof localSchema> {
  readonly bake?: Duration;
}

interface KubernetesInput extends z.input<typeof kubernetesSchema> {
  readonly bake?: Duration;
}

interface AwsInput extends z.input<typeof awsSchema> {
  readonly bake?: Duration;
}

/** The config with its defaults filled in. */
export type Config = Readonly<z.output<typeof configSchema>>;
export type Service = Config['service'];
export type ImageSettings = Config['image'];
export type EnvironmentConfig = Config['environments'][string];
export type LocalConfig = Extract<EnvironmentConfig, { target: 'local' }>;
export type KubernetesConfig = Extract<EnvironmentConfig, { target: 'kubernetes' }>;
export type AwsConfig = Extract<EnvironmentConfig, { target: 'aws' }>;
export type SecretSource = z.output<typeof secretSourceSchema>;

/** What the config may hold, as JSON Schema. */
export function configJsonSchema(): KeySchema {
  return z.toJSONSchema(configSchema, { io: 'input' }) as KeySchema;
}

/** Checks what the config file exports, whatever that is. Every problem is told at once, with its key. */
export function parseConfig(exported: unknown, file: string): Config {
  if (exported === undefined) {
    throw new UserError({
      code: 'config_wrong',
      message: `${file} has no default export`,
      hint: 'write export default { … } satisfies CausewayConfig; docs/config.md begins with an example',
    });
  }
  const { copy, prototypeKeys } = plainCopy(exported);
  const result = configSchema.safeParse(copy, { error: describeIssue });
  if (result.success && prototypeKeys.length === 0) return result.data;
  const root = configJsonSchema();
  const problems = [
    ...listProblems(result.error?.issues ?? [], copy, root),
    ...prototypeKeys.map((place) => unknownKey(place, root)),
  ];
  const lines = [...new Set(problems.map(({ text }) => text))];
  const { path } = keyAt(root, problems[0]?.place ?? []);
  throw new UserError({
    code: 'config_wrong',
    message:
      lines.length === 1
        ? `${file}: ${lines[0]}`
        : `${file} has ${lines.length} problems\n${lines.map((line) => `       ${line}`).join('\n')}`,
    hint:
      path === ''
        ? 'docs/config.md lists every key, its type and its default'
        : `docs/config.md#${anchorOf(path)} says what ${path} may be`,
  });
}

export function environmentOf(config: Config, name: string): EnvironmentConfig {
  const environment = Object.hasOwn(config.environments, name) ? config.environments[name] : undefined;
  if (environment) return environment;
  const names = Object.keys(config.environments);
  const near = didYouMean(name, names);
  throw new UserError({
    code: 'environment_unknown',
    message: `the config has no environment ${name}`,
    hint: near
      ? `did you mean ${near}?`
      : `it has ${names.join(', ')}; add it under environments: docs/config.md#environments`,
  });
}

/** The keys of what a release is made of: another value is another release. The others leave a release as it is. */
export const releaseKeys: readonly string[] = [
  'service.entry',
  'service.files',
  'service.command',
  'service.port',
  'service.paths',
  'service.probes',
  'service.env',
  'service.secrets',
  'service.drain',
  'service.release',
  'environments.<name>.env',
  'environments.<name>.secrets',
  'environments.<name>.resources',
  'environments.<name>.preStop',
];

/** Whether replicas are made from the built image, and not from the artifact alone. */
export function usesImages(environment: EnvironmentConfig): boolean {
  return environment.target !== 'local' || environment.runner === 'container';
}

/** What shapes a replica in this environment. */
export function settingsOf({ service }: Config, environment: EnvironmentConfig): Settings {
  const { port, paths, probes, drain, release } = service;
  const { timeout, ...probePaths } = probes;
  return {
    env: { ...service.env, ...environment.env },
    secrets: Object.keys({ ...service.secrets, ...environment.secrets }).sort(),
    port,
    paths,
    probes: { ...probePaths, timeoutMs: toMs(timeout) },
    drainMs: toMs(drain),
    ...(release === undefined ? {} : { releaseCommand: release }),
    ...podSettingsOf(environment),
  };
}

function podSettingsOf(environment: EnvironmentConfig): Pick<Settings, 'pod'> {
  if (environment.target === 'local') return {};
  const { resources, preStop } = environment;
  return { pod: { resources, preStopMs: toMs(preStop) } };
}

/** How long an environment may not answer before a command gives up. */
const unreachableMs = 60_000;

export function rulesOf({
  bake,
  deadlines,
  allow,
}: Pick<EnvironmentConfig, 'bake' | 'deadlines' | 'allow'>): Rules {
  return {
    bakeMs: toMs(bake),
    startMs: toMs(deadlines.start),
    commandMs: toMs(deadlines.release),
    unreachableMs,
    allowance: allow,
  };
}
