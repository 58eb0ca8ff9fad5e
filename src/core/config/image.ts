import { z } from 'zod';
import { platforms } from '../platform.ts';
import { textSchema } from './values.ts';

/** glibc, and no program. */
export const defaultBase = 'gcr.io/distroless/cc-debian12:nonroot';

export const imageSchema = z.strictObject({
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
