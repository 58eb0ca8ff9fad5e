import { z } from 'zod';
import { hexOf } from '../digest.ts';
import type { RuntimePackage } from '../runtime-package.ts';
import { imageUrl, packageUrl } from './purl.ts';
import type { BaseName } from './sbom.ts';

export interface Build {
  readonly artifact: string;
  readonly service: { readonly entry?: string | undefined; readonly files?: readonly string[] | undefined };
  readonly command: readonly string[];
  readonly platforms: readonly string[];
  readonly base: BaseName;
  readonly runtime: readonly RuntimePackage[];
  /** The git commit; none outside a repository. */
  readonly revision?: Revision;
  readonly versions: { readonly causeway: string; readonly bun: string };
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** None where no tests were run. */
  readonly test?: {
    readonly command: readonly string[];
    readonly outcome: 'passed';
    /** How many, where the runner says so. */
    readonly passed?: number;
  };
}

export interface Revision {
  readonly commit: string;
  /** Whether the tree differed from it. */
  readonly isChanged: boolean;
}

const resourceSchema = z.looseObject({
  name: z.string().optional(),
  uri: z.string().optional(),
  digest: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

/** What is read of a provenance: https://slsa.dev/spec/v1.0/provenance */
export const provenanceSchema = z.looseObject({
  buildDefinition: z.looseObject({
    buildType: z.string(),
    externalParameters: z.record(z.string(), z.unknown()),
    resolvedDependencies: z.array(resourceSchema).optional(),
  }),
  runDetails: z.looseObject({
    builder: z.looseObject({ id: z.string(), version: z.record(z.string(), z.string()).optional() }),
    metadata: z
      .looseObject({
        invocationId: z.string().optional(),
        startedOn: z.string().optional(),
        finishedOn: z.string().optional(),
      })
      .optional(),
    byproducts: z.array(resourceSchema).optional(),
  }),
});
export type Provenance = Readonly<z.infer<typeof provenanceSchema>>;

/** How an image came to be: the predicate of SLSA provenance v1. */
export function makeProvenance({
  artifact,
  service: { entry, files },
  command,
  platforms,
  base,
  runtime,
  revision,
  versions,
  id,
  startedAt,
  finishedAt,
  test,
}: Build): Provenance {
  return {
    buildDefinition: {
      buildType: 'urn:causeway:image:1',
      externalParameters: {
        ...(entry === undefined ? { files } : { entry }),
        command,
        platforms,
        base: base.name,
      },
      resolvedDependencies: [
        ...(revision === undefined ? [] : [sourceOf(revision)]),
        { name: 'artifact', digest: { sha256: hexOf(artifact) } },
        { name: 'base', uri: imageUrl(base.name, base.digest), digest: { sha256: hexOf(base.digest) } },
        ...runtime.map(runtimeOf),
      ],
    },
    runDetails: {
      builder: { id: 'urn:causeway:cli', version: { ...versions } },
      metadata: {
        invocationId: id,
        startedOn: new Date(startedAt).toISOString(),
        finishedOn: new Date(finishedAt).toISOString(),
      },
      ...(test === undefined ? {} : { byproducts: [testsOf(test)] }),
    },
  };
}

function testsOf({ command, outcome, passed }: NonNullable<Build['test']>): z.infer<typeof resourceSchema> {
  return {
    name: 'tests',
    annotations: { command, outcome, ...(passed === undefined ? {} : { passed }) },
  };
}

function sourceOf({ commit, isChanged }: Revision): z.infer<typeof resourceSchema> {
  return {
    name: 'source',
    digest: { gitCommit: commit },
    ...(isChanged ? { annotations: { isChanged } } : {}),
  };
}

/** The revision that a provenance names; none where it names none. */
export function revisionOf({ buildDefinition }: Provenance): Revision | undefined {
  const source = buildDefinition.resolvedDependencies?.find(({ digest }) => digest?.gitCommit !== undefined);
  const commit = source?.digest?.gitCommit;
  return commit === undefined ? undefined : { commit, isChanged: source?.annotations?.isChanged === true };
}

/** What a provenance says of the tests that passed before the image was published; none where it names none. */
export function testedOf({ runDetails }: Provenance): { readonly passed?: number } | undefined {
  const annotations = runDetails.byproducts?.find(({ name }) => name === 'tests')?.annotations;
  if (annotations?.outcome !== 'passed') return undefined;
  return typeof annotations.passed === 'number' ? { passed: annotations.passed } : {};
}

function runtimeOf({ name, version, integrity }: RuntimePackage): z.infer<typeof resourceSchema> {
  const sha512 = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
  return { name: 'runtime', uri: packageUrl({ type: 'npm', name, version }), digest: { sha512 } };
}
