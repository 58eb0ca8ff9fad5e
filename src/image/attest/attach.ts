import { canonicalJson } from '../../core/release.ts';
import { cosignTags } from '../cosign-tags.ts';
import { sha256 } from '../digest.ts';
import type { EmitImage } from '../image-event.ts';
import { type Descriptor, mediaTypes } from '../oci.ts';
import type { ImageWriter } from '../store.ts';
import { type Layer, signatureLayer, statementLayer } from './attached-layers.ts';
import {
  type Found,
  findAttachments,
  signatureArtifactType,
  statementsArtifactType,
} from './find-attachments.ts';
import type { SigningKey } from './keys.ts';
import type { Provenance } from './provenance.ts';
import type { Sbom } from './sbom.ts';
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
  readonly signal: AbortSignal;
}

/**
 * Attaches SBOM, provenance and, with a key, signatures to an image that is there already; the signature last.
 * Doing it again adds nothing; with another key, it adds that key's beside what is there.
 */
export async function attach(attachment: Attachment): Promise<Attached> {
  const { index, repository, sbom, provenance, key, to, emit, signal } = attachment;
  const found = await findAttachments({ from: to, digest: index.digest, signal });
  const about = { digest: index.digest, repository, ...(key ? { key } : {}) };
  const layers = [
    statementLayer('sbom', sbom, found, about),
    statementLayer('provenance', provenance, found, about),
  ] as const;
  await putBlob(emptyBlob, attachment);
  const sbomState = await putReferrer(layers[0], found, attachment);
  emit({ kind: 'attached', what: 'sbom' });
  const provenanceState = await putReferrer(layers[1], found, attachment);
  emit({ kind: 'attached', what: 'provenance' });
  const attached = { sbom: sbomState, provenance: provenanceState };
  if (!key) return attached;
  const tags = cosignTags(index.digest);
  await putTagged(tags.statements, statementsArtifactType, layers, found, attachment);
  const signed = [signatureLayer(found, { ...about, key })];
  const signature = await putTagged(tags.signatures, signatureArtifactType, signed, found, attachment);
  emit({ kind: 'attached', what: 'signature' });
  return { ...attached, signature };
}

async function putReferrer(
  { descriptor, bytes }: Layer,
  { manifests }: Found,
  attachment: Attachment,
): Promise<'present' | 'written'> {
  const isThere = manifests.some(
    ({ tag, manifest }) =>
      tag === undefined && manifest.layers.length === 1 && manifest.layers[0]?.digest === descriptor.digest,
  );
  if (isThere) return 'present';
  if (bytes) await putBlob(bytes, attachment);
  await putManifest(descriptor.mediaType, [descriptor], descriptor.annotations, undefined, attachment);
  return 'written';
}

/** What is under the tag stays; a manifest cannot be changed, so another one takes the tag. */
async function putTagged(
  tag: string,
  artifactType: string,
  layers: readonly Layer[],
  { manifests }: Found,
  attachment: Attachment,
): Promise<'present' | 'written'> {
  const there = manifests.find((found) => found.tag === tag)?.manifest.layers ?? [];
  const missing = layers.filter(({ descriptor }) => !there.some((one) => isSame(one, descriptor)));
  if (missing.length === 0) return 'present';
  for (const { bytes } of missing) if (bytes) await putBlob(bytes, attachment);
  const all = [...there, ...missing.map(({ descriptor }) => descriptor)];
  await putManifest(artifactType, all, undefined, tag, attachment);
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

async function putManifest(
  artifactType: string,
  layers: readonly Descriptor[],
  annotations: Descriptor['annotations'],
  tag: string | undefined,
  { index: { mediaType, digest, size }, to, signal }: Attachment,
): Promise<void> {
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
  await to.putManifest({ descriptor, bytes }, tag, signal);
}
