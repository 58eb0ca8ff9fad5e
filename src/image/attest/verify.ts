import { createHash } from 'node:crypto';
import { UserError } from '../../core/errors.ts';
import { shortId } from '../../core/release.ts';
import { decompress } from '../gzip.ts';
import type { Descriptor } from '../oci.ts';
import { type ReadImage, readImage } from '../read-image.ts';
import type { ImageReader } from '../store.ts';
import { latest } from './attachments.ts';
import { type Claim, judgeProvenances, judgeSboms, judgeSignatures } from './claims.ts';
import { findAttachments } from './find-attachments.ts';
import type { TrustedKey } from './keys.ts';
import type { Provenance } from './provenance.ts';
import type { Sbom } from './sbom.ts';
import { tolerate } from './tolerate.ts';

export type { Claim };

export interface Verification {
  /** The index's. */
  readonly digest: string;
  readonly isGood: boolean;
  readonly claims: readonly Claim[];
  /** Those of the trusted keys that signed the image. */
  readonly signers: readonly TrustedKey[];
  /** Of the attached, those that were found good. */
  readonly sbom?: Sbom;
  readonly provenance?: Provenance;
}

/**
 * Checks everything that is said of an image, and says of each claim whether it holds. One attachment that is
 * good suffices for its claim: anybody who may write to the repository can put others beside it. An image that is
 * not there throws `image_not_found`.
 */
export async function verifyImage({
  from,
  digest,
  trusted,
  signal,
}: {
  readonly from: ImageReader;
  /** The index's. */
  readonly digest: string;
  readonly trusted: readonly TrustedKey[];
  readonly signal: AbortSignal;
}): Promise<Verification> {
  const [image, found] = await Promise.all([
    tolerate(readImage({ from, digest, signal })),
    findAttachments({ from, digest, signal }),
  ]);
  const isMissing = image instanceof UserError && image.code === 'image_not_found';
  // Where there is no such image at all, there is nothing to judge.
  if (isMissing && !(await tolerate(from.manifest(digest, signal)))) throw image;
  const question = { found, digest, trusted, ...(image instanceof UserError ? {} : { image }) };
  const sboms = judgeSboms(question);
  const provenances = judgeProvenances(question);
  const signature = judgeSignatures(question);
  const claims = [
    imageClaim(image),
    await layersClaim(image, from, signal),
    sboms.claim,
    provenances.claim,
    signature.claim,
  ];
  const sbom = sboms.good.at(-1);
  const provenance = latest(provenances.good);
  return {
    digest,
    isGood: claims.every(({ isGood }) => isGood),
    claims,
    signers: signature.signers,
    ...(sbom ? { sbom } : {}),
    ...(provenance ? { provenance } : {}),
  };
}

function imageClaim(image: ReadImage | UserError): Claim {
  if (image instanceof UserError) return { name: 'image', isGood: false, says: image.message };
  const platforms = image.platforms.map(({ platform }) => platform).join(', ');
  return { name: 'image', isGood: true, says: platforms };
}

async function layersClaim(
  image: ReadImage | UserError,
  from: ImageReader,
  signal: AbortSignal,
): Promise<Claim> {
  const name = 'layers';
  if (image instanceof UserError) {
    return { name, isGood: false, says: 'not checked, because the image cannot be read' };
  }
  const diffIds = new Map<string, string | UserError>();
  for (const { platform, manifest, config } of image.platforms) {
    const { diff_ids: expected } = config.rootfs;
    if (expected.length !== manifest.layers.length) {
      const says = `${platform} has ${manifest.layers.length} layers, and its config names ${expected.length}`;
      return { name, isGood: false, says };
    }
    for (const [at, layer] of manifest.layers.entries()) {
      const content = `${layer.mediaType} ${layer.digest}`;
      const diffId = diffIds.get(content) ?? (await tolerate(diffIdOf(layer, from, signal)));
      diffIds.set(content, diffId);
      if (diffId instanceof UserError) {
        return { name, isGood: false, says: `layer ${at + 1} of ${platform}: ${diffId.message}` };
      }
      if (diffId !== expected[at]) {
        const says = `layer ${at + 1} of ${platform} unpacks to ${diffId}, and should to ${expected[at]}`;
        return { name, isGood: false, says };
      }
    }
  }
  return { name, isGood: true, says: `${diffIds.size} read, each as its digests say` };
}

/** The digest of the uncompressed layer; what it is compressed to is checked by the reader on the way. */
async function diffIdOf(layer: Descriptor, from: ImageReader, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const blob = await from.blob(layer, signal);
  for await (const chunk of decompress(blob, layer.mediaType, layer.digest)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/** Throws `image_unverified`, naming every claim that does not hold. */
export function refuseUnverified({ isGood, claims, digest }: Verification): void {
  if (isGood) return;
  const wrong = claims.filter((claim) => !claim.isGood);
  throw new UserError({
    code: 'image_unverified',
    message: `${shortId(digest)} is not what it should be: ${wrong.map(({ name }) => name).join(', ')}`,
    hint: 'push it again with causeway image push, signed by a key of image.trust; if it was good before, somebody changed it',
    details: wrong.map(({ name, says }) => `  ${name.padEnd(10)}  ${says}`).join('\n'),
  });
}
