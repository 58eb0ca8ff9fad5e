import { z } from 'zod';
import { durationSchema } from '../duration-schema.ts';
import { isObject } from '../is-object.ts';
import {
  argvSchema,
  envSchema,
  pathSchema,
  portSchema,
  secretsSchema,
  shellSchema,
  waitSchema,
} from './values.ts';

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

export const serviceSchema = z
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
