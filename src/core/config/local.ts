import { z } from 'zod';
import { durationSchema } from '../duration-schema.ts';
import { allowanceSchema, deadlinesSchema, ownKeys, signedSchema } from './environment.ts';
import { portSchema } from './values.ts';

/** Where the front door listens unless the config says otherwise. */
export const defaultPort = 8080;

export const localSchema = z.strictObject({
  target: z.literal('local').describe('Replicas on this machine behind a front door on 127.0.0.1.'),
  runner: z
    .enum(['process', 'container'])
    .default('process')
    .describe(
      'What a replica is: a process, or a container of the built image, run by the Docker engine of this machine.',
    ),
  signed: signedSchema,
  port: portSchema
    .default(defaultPort)
    .describe('Where the front door listens; two local environments need two.'),
  replicas: z.int().min(1).max(64).default(2).describe('How many running copies.'),
  bake: durationSchema
    .default('2s')
    .describe('How long the candidate is watched: once as one replica, once as all of them.'),
  allow: allowanceSchema,
  deadlines: deadlinesSchema.prefault({}).describe('When waiting ends.'),
  ...ownKeys,
});
