import { UserError } from '../../core/errors.ts';
import { cosignTags } from '../cosign-tags.ts';
import { type Descriptor, type Manifest, mediaTypes } from '../oci.ts';
import { parseManifest } from '../parse-manifest.ts';
import type { ImageReader, StoredManifest } from '../store.ts';
import { readAll } from '../stream.ts';
import { aFewAtOnce } from './a-few-at-once.ts';
import { type Envelope, envelopeMediaType, parseEnvelope } from './dsse.ts';
import { type ImageSignature, parseSignature, signatureMediaType } from './simple-signing.ts';
import {
  parseStatement,
  predicateTypes,
  type Statement,
  type StatementKind,
  statementMediaType,
} from './statement.ts';
import { tolerate } from './tolerate.ts';

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

/**
 * All that is attached to the image, as referrers and under cosign's tags; whatever else is attached is left out.
 * Anybody who may write to the repository can attach things, so more than is read throws `image_unverified`.
 */
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
  const layers = layersOf(manifests);
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  if (layers.length > mostThings) throw tooMuch(`${layers.length} documents`, from, digest);
  if (bytes > mostBytes) throw tooMuch(`${bytes} bytes`, from, digest);
  const read = await aFewAtOnce(layers, (layer) => readLayer(from, layer, signal));
  return {
    statements: read.filter((one) => 'statement' in one),
    signatures: read.filter((one) => 'isSignedBy' in one),
    damaged: [...damaged, ...read.filter((one) => 'because' in one)],
    manifests,
  };
}

/** Each push of one image at another revision attaches three. */
const mostThings = 1000;
/** An SBOM of a large image has a few MB. */
const mostBytes = 64 * 1024 * 1024;

function tooMuch(what: string, { name }: ImageReader, digest: string): UserError {
  return new UserError({
    code: 'image_unverified',
    message: `${what} are attached to ${digest} in ${name}; no more than ${mostThings} and ${mostBytes} bytes are read`,
    hint: 'delete from the repository what does not belong there, or push the image to another one',
  });
}

async function readManifests(
  from: ImageReader,
  digest: string,
  signal: AbortSignal,
): Promise<Pick<Found, 'manifests' | 'damaged'>> {
  const tags = cosignTags(digest);
  const referrers = await from.referrers(digest, signal);
  const places: readonly Place[] = [
    ...referrers
      .filter(mayBeReadable)
      .map((descriptor) => ({ reference: descriptor.digest, kinds: kindsOf(descriptor) })),
    { reference: tags.signatures, kinds: ['signature'], isTag: true },
    { reference: tags.statements, kinds: ['sbom', 'provenance'], isTag: true },
  ];
  if (places.length > mostThings) throw tooMuch(`${places.length} manifests`, from, digest);
  let bytes = 0;
  const read = await aFewAtOnce(places, async (place) => {
    const stored = await tolerate(from.manifest(place.reference, signal));
    if (stored !== undefined && 'bytes' in stored) bytes += stored.bytes.byteLength;
    if (bytes > mostBytes) throw tooMuch(`manifests of ${bytes} bytes`, from, digest);
    return readAttached(stored, place);
  });
  return {
    manifests: read.filter((one) => one !== undefined && 'manifest' in one),
    damaged: read.filter((one) => one !== undefined && 'because' in one),
  };
}

/** What is under a tag of cosign's; none where there is nothing, or it cannot be read. */
export async function readTagged(
  from: ImageReader,
  tag: string,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const stored = await tolerate(from.manifest(tag, signal));
  const found = readAttached(stored, { reference: tag, kinds: [], isTag: true });
  return found !== undefined && 'manifest' in found ? found.manifest : undefined;
}

/** A registry that tells what is attached saves us from reading what is none of ours. */
function mayBeReadable({ artifactType }: Descriptor): boolean {
  return artifactType === undefined || readableArtifacts.includes(artifactType);
}

interface Place {
  readonly reference: string;
  readonly kinds: readonly Kind[];
  readonly isTag?: boolean;
}

function readAttached(
  stored: StoredManifest | UserError | undefined,
  { reference, kinds, isTag }: Place,
): FoundManifest | Damage | undefined {
  if (stored instanceof UserError) return { kinds, because: stored.message };
  if (!stored) return isTag ? undefined : { kinds, because: `${reference} is listed, and missing` };
  try {
    const parsed = parseManifest(stored);
    if (parsed.kind === 'index') return { kinds, because: `${reference} is an index` };
    return { manifest: parsed.manifest, ...(isTag ? { tag: reference } : {}) };
  } catch (error) {
    if (error instanceof UserError) return { kinds, because: error.message };
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
export const statementsArtifactType = 'application/vnd.dev.cosign.artifact.att.v1+json';

/** A manifest without a type of its own is told by its config's; cosign's have an image's. */
const readableArtifacts: readonly string[] = [
  ...readable,
  signatureArtifactType,
  statementsArtifactType,
  mediaTypes.empty,
  mediaTypes.config,
];

const statementKinds = ['sbom', 'provenance'] as const satisfies readonly StatementKind[];

async function readLayer(
  from: ImageReader,
  layer: Descriptor,
  signal: AbortSignal,
): Promise<FoundStatement | ImageSignature | Damage> {
  const reading = from.blob(layer, signal).then((blob) => readAll(blob, layer.digest, mostBytes));
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
