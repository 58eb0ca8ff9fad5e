import { shortId } from '../../core/release.ts';
import type { Descriptor } from '../oci.ts';
import type { ReadImage } from '../read-image.ts';
import { type Damage, type Found, type FoundStatement, keyAnnotation } from './find-attachments.ts';
import { shortKey, type TrustedKey } from './keys.ts';
import { type Provenance, provenanceSchema, revisionOf, testedOf } from './provenance.ts';
import { type Sbom, sbomSchema, subjectOf } from './sbom.ts';
import { isAbout, type StatementKind } from './statement.ts';

export interface Claim {
  readonly name: 'image' | 'layers' | 'sbom' | 'provenance' | 'signature';
  readonly isGood: boolean;
  /** In a few words what was found good, or what is wrong and why. */
  readonly says: string;
}

/** What is judged, and by whose keys. */
export interface Question {
  readonly found: Found;
  readonly digest: string;
  /** None where it cannot be read. */
  readonly image?: Pick<ReadImage, 'artifact'>;
  readonly trusted: readonly TrustedKey[];
}

export interface Judged<T> {
  readonly claim: Claim;
  /** Those that were found good. */
  readonly good: readonly T[];
}

/** Of the SBOMs that are attached, those that are signed, of this image and of what is in it. */
export function judgeSboms(question: Question): Judged<Sbom> {
  return judgeStatements('sbom', readSbom, question);
}

/** Of the provenances that are attached, those that are signed and of this image. */
export function judgeProvenances(question: Question): Judged<Provenance> {
  return judgeStatements('provenance', readProvenance, question);
}

/** What a statement says, or why that does not count. */
type Reading<T> = { readonly value: T; readonly says: string } | { readonly trouble: string };

function judgeStatements<T>(
  name: StatementKind,
  read: (predicate: unknown, question: Question) => Reading<T>,
  question: Question,
): Judged<T> {
  const { found } = question;
  const own = found.statements.filter(({ kind }) => kind === name);
  const signed = own.filter(({ envelope }) => envelope !== undefined);
  const readings = (signed.length > 0 ? signed : own).map((one): Reading<T> => {
    const trouble = troubleOf(one, question);
    return trouble === undefined ? read(one.statement.predicate, question) : { trouble };
  });
  const good = readings.filter((reading) => 'value' in reading);
  const [last] = good.slice(-1);
  if (last) return { claim: { name, isGood: true, says: last.says }, good: good.map(({ value }) => value) };
  const troubles = readings.filter((reading) => 'trouble' in reading).map(({ trouble }) => trouble);
  return { claim: badClaim(name, troubles, found), good: [] };
}

function badClaim(name: Damage['kinds'][number], troubles: readonly string[], { damaged }: Found): Claim {
  const broken = damaged.filter(({ kinds }) => kinds.includes(name)).map(({ because }) => because);
  const all = [...new Set([...broken, ...troubles])];
  return { name, isGood: false, says: all.length === 0 ? 'there is none' : all.join('; ') };
}

function troubleOf({ layer, envelope, statement }: FoundStatement, question: Question): string | undefined {
  const { digest, trusted } = question;
  if (!envelope) return 'it is not signed';
  if (!trusted.some(({ publicKey }) => envelope.isSignedBy(publicKey))) return untrusted(layer, trusted);
  if (isAbout(statement, digest)) return undefined;
  const others = statement.subject.map((one) => shortId(one.digest.sha256 ?? 'unknown')).join(', ');
  return `it is well signed, but of another image (${others})`;
}

/** Anybody can write the key's id there, so it only makes the message better. */
function untrusted({ annotations }: Descriptor, trusted: readonly TrustedKey[]): string {
  if (trusted.length === 0) return 'image.trust names no key, so no signature counts';
  const id = annotations?.[keyAnnotation];
  const known = trusted.find((key) => key.id === id);
  if (known) return `its signature by ${known.path} does not fit: it was changed after it was signed`;
  return `it is signed by ${id?.match(/^[0-9a-f]{64}$/) ? `the key ${shortKey(id)}` : 'a key'} that image.trust does not name`;
}

function readSbom(predicate: unknown, { digest, image }: Question): Reading<Sbom> {
  const { data: value } = sbomSchema.safeParse(predicate);
  if (!value) return { trouble: 'it is no CycloneDX document' };
  const subject = subjectOf(value);
  if (subject.digest !== digest) return { trouble: `it describes ${subject.digest}, another image` };
  if (image && subject.artifact !== image.artifact) {
    const [described, held] = [subject.artifact, image.artifact].map((one) => one ?? 'none');
    return { trouble: `it describes the artifact ${described}, and the image holds ${held}` };
  }
  return { value, says: `${value.components.length} components` };
}

function readProvenance(predicate: unknown): Reading<Provenance> {
  const { data: value } = provenanceSchema.safeParse(predicate);
  if (!value) return { trouble: 'it is no SLSA provenance' };
  const revision = revisionOf(value);
  const source =
    revision && `${revision.commit.slice(0, 7)}${revision.isChanged ? ' and changed files' : ''}`;
  const says = [source, `by ${value.runDetails.builder.id}`, testedText(value)].filter(
    (part) => part !== undefined,
  );
  return { value, says: says.join(', ') };
}

function testedText(provenance: Provenance): string {
  const tested = testedOf(provenance);
  if (!tested) return 'not tested';
  const { passed } = tested;
  return passed === undefined ? 'tests passed' : `${passed} ${passed === 1 ? 'test' : 'tests'} passed`;
}

export function judgeSignatures({ found, digest, trusted }: Question): {
  readonly claim: Claim;
  readonly signers: readonly TrustedKey[];
} {
  const name = 'signature';
  const own = found.signatures.filter((signature) => signature.digest === digest);
  const signers = trusted.filter(({ publicKey }) => own.some((signature) => signature.isSignedBy(publicKey)));
  if (signers.length > 0) {
    const says = `by ${signers.map(({ id, path }) => `${shortKey(id)} (${path})`).join(', ')}`;
    return { claim: { name, isGood: true, says }, signers };
  }
  const troubles = found.signatures.map((signature) =>
    signature.digest === digest
      ? untrusted(signature.layer, trusted)
      : `it is of another image (${shortId(signature.digest ?? 'unknown')})`,
  );
  return { claim: badClaim(name, troubles, found), signers };
}
