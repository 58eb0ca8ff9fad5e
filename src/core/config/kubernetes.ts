import { z } from 'zod';
import { durationSchema } from '../duration-schema.ts';
import { surges } from '../rollout.ts';
import { allowanceSchema, deadlinesSchema, ownKeys, signedSchema } from './environment.ts';
import { portSchema, textSchema, waitSchema } from './values.ts';

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

export const kubernetesSchema = z.strictObject({
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
  signed: signedSchema,
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
  allow: allowanceSchema,
  deadlines: deadlinesSchema
    .extend({
      start: waitSchema
        .default('2m')
        .describe('For replicas to become ready; pulling the image is part of it.'),
    })
    .prefault({})
    .describe('When waiting ends.'),
  ...ownKeys,
});
