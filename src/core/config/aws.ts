import { z } from 'zod';
import { durationSchema } from '../duration-schema.ts';
import { kubernetesSchema } from './kubernetes.ts';
import { textSchema } from './values.ts';

/** What a cloud brings itself. */
const brought = {
  context: true,
  namespace: true,
  exposure: true,
  allowFrom: true,
  pullSecret: true,
} as const;

export const awsSchema = kubernetesSchema.omit(brought).extend({
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
