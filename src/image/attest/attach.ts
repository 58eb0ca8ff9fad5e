import { canonicalJson } from '../../core/release.ts';
import { cosignTags } from '../cosign-tags.ts';
import { sha256 } from '../digest.ts';
import type { EmitImage } from '../image-event.ts';
import { type Descriptor, mediaTypes } from '../oci.ts';
import type { Pause } from '../registry/tries.ts';
import type { ImageWriter, StoredManifest } from '../store.ts';
import { type Layer, signatureLayer, statementLayer } from './attached-layers.ts';
import {
  type Found,
  findAttachments,
  readTagged,
  signatureArtifactType,
  statementsArtifactType,
} from './find-attachments.ts';
import type { SigningKey } from './keys.ts';
import type { Provenance } from './provenance.ts';
import type { Sbom } from './sbom.ts';
import { settle } from './settle.ts';
import { signatureAnnotation } from './simple-signing.ts';

export interface Attached {
  readonly sbom: 'present' | 'written';
  readonly provenance: 'present' | 'written';
  /** None: there was no key to sign with. */
  readonly signature?: 'present' | 'written';
}

interface Attachment {
  /** Of the image's index. */
  readonly index: Descriptor;
  /** What people call the image, without tag and digest: `registry.example.com/team/shop`. */
  readonly repository: string;
  readonly sbom: Sbom;
  readonly provenance: Provenance;
  readonly key?: SigningKey;
  readonly to: ImageWriter;
  readonly emit: EmitImage;
  /** Waits before it is looked whether what was written is still there. */
  readonly pause?: Pause;
  readonly signal: AbortSignal;
}

/**
 * Attaches SBOM, provenance and, with a key, signatures to an image that is there already; the signature last.
 * Doing it again adds nothing; with another key, it adds that key's beside what is there.
 */
export async function attach(attachment: Attachment): Promise<Attached> {
  const { index, repository, sbom, provenance, key, to, emit, pause, signal } = attachment;
  const found = await findAttachments({ from: to, digest: index.digest, signal });
  const about = { digest: index.digest, repository, ...(key ? { key } : {}) };
  const layers = [
    statementLayer('sbom', sbom, found, about),
    statementLayer('provenance', provenance, found, about),
  ] as const;
  await putBlob(emptyBlob, attachment);
  const sbomManifest = await putReferrer(layers[0], found, attachment);
  emit({ kind: 'attached', what: 'sbom' });
  const provenanceManifest = await putReferrer(layers[1], found, attachment);
  emit({ kind: 'attached', what: 'provenance' });
  const written = [sbomManifest, provenanceManifest].filter((one) => one !== undefined);

  const tagged = key ? taggedBy({ ...about, key }, layers, found) : [];
  const states = await putAllTagged(tagged, attachment);
  if (key) emit({ kind: 'attached', what: 'signature' });
  if (written.length > 0 || states.includes('written')) {
    const isThere = async () => {
      const isListed = await relist(written, attachment);
      return !(await putAllTagged(tagged, attachment)).includes('written') && isListed;
    };
    await settle({ name: to.name, isThere, pause, signal });
  }
  const signature = states.at(-1);
  return {
    sbom: sbomManifest ? 'written' : 'present',
    provenance: provenanceManifest ? 'written' : 'present',
    ...(signature ? { signature } : {}),
  };
}

/** What is written, if it was not there. */
async function putReferrer(
  { descriptor, bytes }: Layer,
  { manifests }: Found,
  attachment: Attachment,
): Promise<StoredManifest | undefined> {
  const isThere = manifests.some(
    ({ tag, manifest }) =>
      tag === undefined && manifest.layers.length === 1 && manifest.layers[0]?.digest === descriptor.digest,
  );
  if (isThere) return undefined;
  if (bytes) await putBlob(bytes, attachment);
  const stored = makeManifest(descriptor.mediaType, [descriptor], descriptor.annotations, attachment);
  await attachment.to.putManifest(stored, undefined, attachment.signal);
  return stored;
}

/** Whether all of them are listed; those that are not are written again. */
async function relist(
  written: readonly StoredManifest[],
  { index, to, signal }: Attachment,
): Promise<boolean> {
  if (written.length === 0) return true;
  const listed = new Set((await to.referrers(index.digest, signal)).map(({ digest }) => digest));
  const lost = written.filter(({ descriptor }) => !listed.has(descriptor.digest));
  for (const manifest of lost) await to.putManifest(manifest, undefined, signal);
  return lost.length === 0;
}

interface Tagged {
  readonly tag: string;
  readonly artifactType: string;
  readonly layers: readonly Layer[];
}

/** What cosign finds; the signature last. */
function taggedBy(
  about: Parameters<typeof signatureLayer>[1],
  statements: readonly Layer[],
  found: Found,
): readonly Tagged[] {
  const tags = cosignTags(about.digest);
  return [
    { tag: tags.statements, artifactType: statementsArtifactType, layers: statements },
    { tag: tags.signatures, artifactType: signatureArtifactType, layers: [signatureLayer(found, about)] },
  ];
}

type State = 'present' | 'written';

async function putAllTagged(tagged: readonly Tagged[], attachment: Attachment): Promise<readonly State[]> {
  const states: State[] = [];
  for (const one of tagged) states.push(await putTagged(one, attachment));
  return states;
}

/** What is under the tag stays; a manifest cannot be changed, so another one takes the tag. */
async function putTagged({ tag, artifactType, layers }: Tagged, attachment: Attachment): Promise<State> {
  const { to, signal } = attachment;
  for (const { bytes } of layers) if (bytes) await putBlob(bytes, attachment);
  // Read as shortly as can be before it is written.
  const there = (await readTagged(to, tag, signal))?.layers ?? [];
  const missing = layers.filter(({ descriptor }) => !there.some((one) => isSame(one, descriptor)));
  if (missing.length === 0) return 'present';
  const all = [...there, ...missing.map(({ descriptor }) => descriptor)];
  await to.putManifest(makeManifest(artifactType, all, undefined, attachment), tag, signal);
  return 'written';
}

/** The same payload signed by two keys is one blob and two layers. */
function isSame(a: Descriptor, b: Descriptor): boolean {
  return (
    a.digest === b.digest && a.annotations?.[signatureAnnotation] === b.annotations?.[signatureAnnotation]
  );
}

const emptyBlob = new TextEncoder().encode('{}');

async function putBlob(bytes: Uint8Array, { to, emit, signal }: Attachment): Promise<void> {
  const descriptor = { mediaType: 'application/octet-stream', digest: sha256(bytes), size: bytes.byteLength };
  const how = await to.putBlob({ descriptor, open: async () => ({ bytes }) }, signal);
  emit({ kind: 'written', digest: descriptor.digest, size: descriptor.size, how });
}

function makeManifest(
  artifactType: string,
  layers: readonly Descriptor[],
  annotations: Descriptor['annotations'],
  { index: { mediaType, digest, size } }: Attachment,
): StoredManifest {
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType,
    config: { mediaType: mediaTypes.empty, digest: sha256(emptyBlob), size: emptyBlob.byteLength },
    layers,
    subject: { mediaType, digest, size },
    ...(annotations === undefined ? {} : { annotations }),
  };
  const bytes = new TextEncoder().encode(canonicalJson(manifest));
  const descriptor = {
    mediaType: mediaTypes.manifest,
    digest: sha256(bytes),
    size: bytes.byteLength,
    artifactType,
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { descriptor, bytes };
}
