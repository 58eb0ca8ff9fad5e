import { z } from 'zod';
import { canonicalJson } from '../../core/release.ts';
import { hexOf } from '../digest.ts';
import { parseJson } from '../parse-json.ts';

/** What is stated of an image. */
export const predicateTypes = {
  sbom: 'https://cyclonedx.org/bom',
  provenance: 'https://slsa.dev/provenance/v1',
} as const;

export type StatementKind = keyof typeof predicateTypes;

export const statementMediaType = 'application/vnd.in-toto+json';

const statementType = 'https://in-toto.io/Statement/v1';

const statementSchema = z.object({
  _type: z.enum([statementType, 'https://in-toto.io/Statement/v0.1']),
  subject: z.array(z.object({ name: z.string().optional(), digest: z.record(z.string(), z.string()) })),
  predicateType: z.string(),
  predicate: z.unknown(),
});

/** An in-toto statement: something that is said of what has these digests. */
export type Statement = Readonly<z.infer<typeof statementSchema>>;

/** The bytes of a statement about the image of this index digest. */
export function makeStatement({
  kind,
  name,
  digest,
  predicate,
}: {
  readonly kind: StatementKind;
  readonly name: string;
  readonly digest: string;
  readonly predicate: unknown;
}): Uint8Array {
  const statement = {
    _type: statementType,
    subject: [{ name, digest: { sha256: hexOf(digest) } }],
    predicateType: predicateTypes[kind],
    predicate,
  };
  return new TextEncoder().encode(canonicalJson(statement));
}

/** None where the bytes are no statement. */
export function parseStatement(bytes: Uint8Array): Statement | undefined {
  return statementSchema.safeParse(parseJson(bytes)).data;
}

export function isAbout({ subject }: Statement, digest: string): boolean {
  return subject.some(({ digest: { sha256 } }) => sha256 === hexOf(digest));
}
