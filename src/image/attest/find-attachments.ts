import { UserError } from '../../core/errors.ts';
import { hexOf, readAll } from '../digest.ts';
import { type Descriptor, type Manifest, manifestSchema } from '../oci.ts';
import type { ImageReader } from '../store.ts';
import { type Envelope, envelopeMediaType, parseEnvelope } from './dsse.ts';
import { parseJson } from './parse-json.ts';
import { type ImageSignature, parseSignature, signatureMediaType } from './simple-signing.ts';
import {
  parseStatement,
  predicateTypes,
  type Statement,
  type StatementKind,
  statementMediaType,
} from './statement.ts';

/** Where cosign keeps what belongs to an image: tags beside it. */
export function cosignTags(digest: string): { readonly signatures: string; readonly statements: string } {
  const name = `sha256-${hexOf(digest)}`;
  return { signatures: `${name}.sig`, statements: `${name}.att` };
}

export const predicateAnnotation = 'in-toto.io/predicate-type';
/** cosign's name for the same. */
export const cosignPredicateAnnotation = 'predicateType';
/** The id of the key that a signature is said to be by: for messages alone, anybody can write it. */
export const keyAnnotation = 'causeway.key';

export interface FoundStatement {
  readonly kind: StatementKind;
  readonly layer: Descriptor;
  readonly payload: Uint8Array;
  readonly statement: Statement;
  /** None where it is not signed. */
  readonly envelope?: Envelope;
}

export interface Found {
  readonly statements: readonly FoundStatement[];
  readonly signatures: readonly ImageSignature[];
  readonly damaged: readonly Damage[];
  readonly manifests: readonly FoundManifest[];
}

type Kind = StatementKind | 'signature';

/** Something that is attached but cannot be read, and why. */
export interface Damage {
  /** What it should hold, as far as that is known. */
  readonly kinds: readonly Kind[];
  readonly because: string;
}

export interface FoundManifest {
  readonly manifest: Manifest;
  /** Where it was found by a tag of cosign's. */
  readonly tag?: string;
}

/** All that is attached to the image, as referrers and under cosign's tags; whatever else is attached is left out. */
export async function findAttachments({
  from,
  digest,
  signal,
}: {
  readonly from: ImageReader;
  readonly digest: string;
  readonly signal: AbortSignal;
}): Promise<Found> {
  const { manifests, damaged } = await readManifests(from, digest, signal);
  const read = await Promise.all(layersOf(manifests).map((layer) => readLayer(from, layer, signal)));
  return {
    statements: read.filter((one) => 'statement' in one),
    signatures: read.filter((one) => 'isSignedBy' in one),
    damaged: [...damaged, ...read.filter((one) => 'because' in one)],
    manifests,
  };
}

async function readManifests(
  from: ImageReader,
  digest: string,
  signal: AbortSignal,
): Promise<Pick<Found, 'manifests' | 'damaged'>> {
  const tags = cosignTags(digest);
  const referrers = await from.referrers(digest, signal);
  const places: readonly Place[] = [
    ...referrers.map((descriptor) => ({ reference: descriptor.digest, kinds: kindsOf(descriptor) })),
    { reference: tags.signatures, kinds: ['signature'], isTag: true },
    { reference: tags.statements, kinds: ['sbom', 'provenance'], isTag: true },
  ];
  const read = await Promise.all(places.map((place) => readManifest(from, place, signal)));
  return {
    manifests: read.filter((one) => one !== undefined && 'manifest' in one),
    damaged: read.filter((one) => one !== undefined && 'because' in one),
  };
}

interface Place {
  readonly reference: string;
  readonly kinds: readonly Kind[];
  readonly isTag?: boolean;
}

async function readManifest(
  from: ImageReader,
  { reference, kinds, isTag }: Place,
  signal: AbortSignal,
): Promise<FoundManifest | Damage | undefined> {
  const stored = await tolerate(from.manifest(reference, signal));
  if (stored instanceof UserError) return { kinds, because: stored.message };
  if (!stored) return isTag ? undefined : { kinds, because: `${reference} is listed, and missing` };
  const manifest = manifestSchema.safeParse(parseJson(stored.bytes)).data;
  if (!manifest) return { kinds, because: `${reference} is no manifest` };
  return { manifest, ...(isTag ? { tag: reference } : {}) };
}

/** Damage is told of; all else (no network, no right to read) says nothing about the image, and ends the reading. */
async function tolerate<T>(reading: Promise<T>): Promise<T | UserError> {
  try {
    return await reading;
  } catch (error) {
    const isDamage =
      error instanceof UserError && (error.code === 'image_corrupt' || error.code === 'image_not_found');
    if (isDamage) return error;
    throw error;
  }
}

const readable: readonly string[] = [signatureMediaType, envelopeMediaType, statementMediaType];

/** Each once. Two keys' signatures are over the same bytes and differ in their annotation alone. */
function layersOf(manifests: readonly FoundManifest[]): readonly Descriptor[] {
  const layers = new Map<string, Descriptor>();
  for (const { manifest } of manifests) {
    for (const layer of manifest.layers) {
      if (!readable.includes(layer.mediaType)) continue;
      const isSignature = layer.mediaType === signatureMediaType;
      const name = isSignature ? `${layer.digest} ${JSON.stringify(layer.annotations)}` : layer.digest;
      const annotations = { ...manifest.annotations, ...layer.annotations };
      layers.set(name, isSignature ? layer : { ...layer, annotations });
    }
  }
  return [...layers.values()];
}

function kindsOf({ mediaType, artifactType, annotations }: Descriptor): readonly Kind[] {
  if (mediaType === signatureMediaType || artifactType === signatureArtifactType) return ['signature'];
  const predicateType = annotations?.[predicateAnnotation] ?? annotations?.[cosignPredicateAnnotation];
  return statementKinds.filter((kind) => predicateTypes[kind] === predicateType);
}

export const signatureArtifactType = 'application/vnd.dev.cosign.artifact.sig.v1+json';

const statementKinds = ['sbom', 'provenance'] as const satisfies readonly StatementKind[];

/** An SBOM of a large image has a few MB. */
const largestAttachment = 64 * 1024 * 1024;

async function readLayer(
  from: ImageReader,
  layer: Descriptor,
  signal: AbortSignal,
): Promise<FoundStatement | ImageSignature | Damage> {
  const reading = from.blob(layer, signal).then((blob) => readAll(blob, layer.digest, largestAttachment));
  const bytes = await tolerate(reading);
  if (bytes instanceof UserError) return { kinds: kindsOf(layer), because: bytes.message };
  if (layer.mediaType === signatureMediaType) return parseSignature(layer, bytes);
  const envelope = layer.mediaType === envelopeMediaType ? parseEnvelope(bytes) : undefined;
  const isBroken = layer.mediaType === envelopeMediaType && !envelope;
  const payload = envelope?.payload ?? bytes;
  const statement = isBroken ? undefined : parseStatement(payload);
  if (!statement) return { kinds: kindsOf(layer), because: `${layer.digest} is no in-toto statement` };
  const kind = statementKinds.find((one) => predicateTypes[one] === statement.predicateType);
  // What else is stated of the image is no concern of ours.
  if (!kind) return { kinds: [], because: `${layer.digest} is a ${statement.predicateType}` };
  return { kind, layer, payload, statement, ...(envelope ? { envelope } : {}) };
}
