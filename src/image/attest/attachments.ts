import type { ImageReader } from '../store.ts';
import { type FoundStatement, findAttachments } from './find-attachments.ts';
import { type Provenance, provenanceSchema } from './provenance.ts';
import { type Sbom, sbomSchema } from './sbom.ts';
import { isAbout, type StatementKind } from './statement.ts';

export interface Attachments {
  /** The one that was attached last, of those that can be read. */
  readonly sbom?: Sbom;
  readonly provenance?: Provenance;
  /** How many signatures of the image there are, whoever made them. */
  readonly signatures: number;
}

/** What is attached to an image, unverified: for looking at. `verifyImage` says what can be relied on. */
export async function readAttachments({
  from,
  digest,
  signal,
}: {
  readonly from: ImageReader;
  readonly digest: string;
  readonly signal: AbortSignal;
}): Promise<Attachments> {
  const { statements, signatures } = await findAttachments({ from, digest, signal });
  const own = statements.filter(({ statement }) => isAbout(statement, digest));
  const sbom = predicatesOf(own, 'sbom')
    .map((one) => sbomSchema.safeParse(one).data)
    .findLast(Boolean);
  const provenance = latest(
    predicatesOf(own, 'provenance').flatMap((one) => provenanceSchema.safeParse(one).data ?? []),
  );
  return {
    ...(sbom ? { sbom } : {}),
    ...(provenance ? { provenance } : {}),
    signatures: signatures.filter((signature) => signature.digest === digest).length,
  };
}

function predicatesOf(statements: readonly FoundStatement[], kind: StatementKind): readonly unknown[] {
  return statements.filter((found) => found.kind === kind).map(({ statement }) => statement.predicate);
}

/** Of several builds of the same image the last. */
export function latest(provenances: readonly Provenance[]): Provenance | undefined {
  const end = ({ runDetails }: Provenance) => Date.parse(runDetails.metadata?.finishedOn ?? '') || 0;
  return provenances.toSorted((a, b) => end(a) - end(b)).at(-1);
}
