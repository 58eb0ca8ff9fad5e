import { canonicalJson } from '../../core/release.ts';
import { sha256 } from '../digest.ts';
import type { Descriptor } from '../oci.ts';
import { envelopeMediaType, sealEnvelope } from './dsse.ts';
import {
  cosignPredicateAnnotation,
  type Found,
  type FoundStatement,
  keyAnnotation,
  predicateAnnotation,
} from './find-attachments.ts';
import type { SigningKey } from './keys.ts';
import { type Provenance, provenanceSchema, revisionOf } from './provenance.ts';
import type { Sbom } from './sbom.ts';
import { makeSignedPayload, signatureAnnotation, signatureMediaType } from './simple-signing.ts';
import {
  isAbout,
  makeStatement,
  predicateTypes,
  type StatementKind,
  statementMediaType,
} from './statement.ts';

/** A layer of an attached manifest. */
export interface Layer {
  readonly descriptor: Descriptor;
  /** None where the content is there already. */
  readonly bytes?: Uint8Array;
}

/** What it belongs to, and who signs. */
interface About {
  /** The image's. */
  readonly digest: string;
  readonly repository: string;
  readonly key?: SigningKey;
}

/** A statement's: the one that is there and says the same, signed by the same key; else a new one. */
export function statementLayer(
  kind: StatementKind,
  predicate: Sbom | Provenance,
  { statements }: Found,
  { digest, repository, key }: About,
): Layer {
  const payload = makeStatement({ kind, name: repository, digest, predicate });
  const there = statements.find(
    (one) =>
      one.kind === kind &&
      isAbout(one.statement, digest) &&
      (key === undefined || one.envelope?.isSignedBy(key.publicKey)) &&
      saysTheSame(one, predicate),
  );
  if (there) return { descriptor: there.layer };
  const bytes = key ? sealEnvelope(payload, key) : payload;
  const descriptor = {
    mediaType: key ? envelopeMediaType : statementMediaType,
    digest: sha256(bytes),
    size: bytes.byteLength,
    annotations: {
      [predicateAnnotation]: predicateTypes[kind],
      ...(key ? cosignAnnotations(kind, key) : {}),
    },
  };
  return { descriptor, bytes };
}

/** A signature's: the one that is there and is by the same key; else a new one. */
export function signatureLayer(
  { signatures }: Found,
  { digest, repository, key }: About & { readonly key: SigningKey },
): Layer {
  const there = signatures.find((one) => one.digest === digest && one.isSignedBy(key.publicKey));
  if (there) return { descriptor: there.layer };
  const bytes = makeSignedPayload(repository, digest);
  const signature = Buffer.from(key.sign(bytes)).toString('base64');
  return {
    bytes,
    descriptor: {
      mediaType: signatureMediaType,
      digest: sha256(bytes),
      size: bytes.byteLength,
      annotations: { [signatureAnnotation]: signature, [keyAnnotation]: key.id },
    },
  };
}

/** cosign asks for the annotation of a signature, empty, though the signature is in the envelope. */
function cosignAnnotations(kind: StatementKind, key: SigningKey): Descriptor['annotations'] {
  return {
    [cosignPredicateAnnotation]: predicateTypes[kind],
    [signatureAnnotation]: '',
    [keyAnnotation]: key.id,
  };
}

/** Two builds of one revision differ in their times alone, so the first provenance stays. */
function saysTheSame({ kind, statement }: FoundStatement, predicate: Sbom | Provenance): boolean {
  if (kind === 'sbom') return canonicalJson(statement.predicate) === canonicalJson(predicate);
  const [there, wanted] = [statement.predicate, predicate].map((one) => provenanceSchema.safeParse(one).data);
  if (!there || !wanted) return false;
  const facts = ({ buildDefinition, runDetails }: Provenance) =>
    canonicalJson([revisionOf({ buildDefinition, runDetails }), runDetails.byproducts ?? []]);
  return facts(there) === facts(wanted);
}
