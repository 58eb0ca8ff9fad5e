import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import { cosignTags } from './cosign-tags.ts';
import type { Image } from './image.ts';
import type { EmitImage } from './image-event.ts';
import { parseManifest } from './parse-manifest.ts';
import { putBlobs } from './put-blobs.ts';
import { choosePlatform, readManifest } from './read-manifest.ts';
import { Spool } from './spool.ts';
import {
  type BlobContent,
  type ImageReader,
  type ImageWriter,
  PartMissing,
  type StoredManifest,
} from './store.ts';

interface Publication {
  readonly to: ImageWriter;
  readonly tag?: string | undefined;
  /** Awaited after the blobs and before the first manifest; when it rejects, nothing is published. */
  readonly mayPublish?: Promise<unknown> | undefined;
  readonly emit: EmitImage;
  readonly signal: AbortSignal;
}

/**
 * Writes an image: blobs, manifests, index, tag. What refers to something is written after it, so that what
 * is broken off has published nothing, and is gone on with by writing again.
 */
export async function writeImage({
  image,
  ...publication
}: Publication & { readonly image: Image }): Promise<void> {
  const blobs = image.platforms.flatMap(({ layers, configBlob }) => [
    ...layers.map(({ content }) => content),
    configBlob,
  ]);
  const manifests = image.platforms.map(({ manifest }) => manifest);
  await publishImage({ blobs, manifests, root: image.index }, publication);
}

export interface Copy extends Publication {
  readonly from: ImageReader;
  readonly digest: string;
  /** The index is kept as it is, and of its images only this one comes along. */
  readonly platform?: Platform | undefined;
  /** Whether what is attached comes along: SBOM, provenance, signatures. */
  readonly hasReferrers?: boolean | undefined;
}

/** Copies an image as it is, with the same digests and in the same order. */
export async function copyImage({
  from,
  digest,
  platform,
  hasReferrers = false,
  ...publication
}: Copy): Promise<void> {
  const { signal } = publication;
  await using spool = new Spool(from);
  const root = await readManifest(from, digest, signal);
  const parts = await partsOf(root, platform, spool, signal);
  await publishImage({ ...parts, root }, publication);
  if (!hasReferrers) return;
  for (const { stored, tag } of await attachments(from, digest, signal)) {
    const { blobs, manifests } = await partsOf(stored, undefined, spool, signal);
    await putBlobs({ ...publication, blobs, mayPublish: undefined });
    await putManifests({ manifests, root: stored }, { ...publication, tag });
  }
}

interface Parts {
  readonly blobs: readonly BlobContent[];
  /** What the root refers to; each after what it refers to itself. */
  readonly manifests: readonly StoredManifest[];
}

interface Rooted {
  readonly root: StoredManifest;
}

async function publishImage({ blobs, ...rooted }: Parts & Rooted, publication: Publication): Promise<void> {
  const { digest } = rooted.root.descriptor;
  await putBlobs({ ...publication, blobs });
  publication.emit({ kind: 'publishing', digest });
  await putManifests(rooted, publication).catch(async (error: unknown) => {
    if (!(error instanceof PartMissing)) throw error;
    // They are told of already.
    await putBlobs({ ...publication, blobs, emit: () => undefined });
    await putManifests(rooted, publication);
  });
  await confirm(digest, publication);
  publication.emit({ kind: 'published', digest });
}

/** What says that it took an image has it. Under the tag may be another one already, that somebody else wrote. */
async function confirm(digest: string, { to, tag, signal }: Publication): Promise<void> {
  for (const reference of tag === undefined ? [digest] : [digest, tag]) {
    if (await to.manifest(reference, signal)) continue;
    throw new UserError({
      code: 'registry_unreachable',
      message: `${to.name} took the image and does not have it: ${reference} is missing`,
      hint: 'run the same command again; if it stays so, have its operator see whether it stores what it takes',
    });
  }
}

async function putManifests(
  { manifests, root }: Omit<Parts, 'blobs'> & Rooted,
  { to, tag, signal }: Pick<Publication, 'to' | 'tag' | 'signal'>,
): Promise<void> {
  for (const manifest of manifests) await to.putManifest(manifest, undefined, signal);
  await to.putManifest(root, tag, signal);
}

async function partsOf(
  root: StoredManifest,
  platform: Platform | undefined,
  spool: Spool,
  signal: AbortSignal,
): Promise<Parts> {
  const parsed = parseManifest(root);
  if (parsed.kind === 'manifest') {
    const { config, layers } = parsed.manifest;
    return { blobs: [...layers, config].map((blob) => spool.content(blob)), manifests: [] };
  }
  const blobs: BlobContent[] = [];
  const manifests: StoredManifest[] = [];
  const { manifests: all } = parsed.index;
  for (const descriptor of platform === undefined ? all : [choosePlatform(all, platform, spool.from)]) {
    const { bytes } = await readManifest(spool.from, descriptor.digest, signal);
    const stored = { descriptor, bytes };
    const inner = await partsOf(stored, undefined, spool, signal);
    blobs.push(...inner.blobs);
    manifests.push(...inner.manifests, stored);
  }
  return { blobs, manifests };
}

interface Attachment {
  readonly stored: StoredManifest;
  readonly tag: string | undefined;
}

/** What refers to the image, and what cosign finds by a tag that is made of the digest. */
async function attachments(
  from: ImageReader,
  digest: string,
  signal: AbortSignal,
): Promise<readonly Attachment[]> {
  const found = new Map<string, Attachment>();
  for (const { digest: attached } of await from.referrers(digest, signal)) {
    found.set(attached, { stored: await readManifest(from, attached, signal), tag: undefined });
  }
  const tags = cosignTags(digest);
  for (const tag of [tags.signatures, tags.statements]) {
    const stored = await from.manifest(tag, signal);
    if (stored) found.set(stored.descriptor.digest, { stored, tag });
  }
  return [...found.values()];
}
