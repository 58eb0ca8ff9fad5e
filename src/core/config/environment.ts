import { z } from 'zod';
import { envSchema, secretsSchema, shellSchema, waitSchema } from './values.ts';

export const allowanceSchema = z
  .strictObject({
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
  })
  .prefault({})
  .describe('What a release may do and still be good.');

export const deadlinesSchema = z.strictObject({
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

export const signedSchema = z
  .boolean()
  .default(false)
  .describe(
    'Whether only images are rolled out that `image verify` finds good: whole, with SBOM and provenance, signed by a key of `image.trust`.',
  );

/** What is one's own in every environment, whatever its target. */
export const ownKeys = {
  env: envSchema.default({}).describe('Variables of this environment; they win over the service’s.'),
  secrets: secretsSchema.default({}).describe('Secrets of this environment; they win over the service’s.'),
  hooks: hooksSchema.prefault({}).describe('Commands of yours around a rollout, run where `causeway` runs.'),
};
