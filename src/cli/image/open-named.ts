import { UserError } from '../../core/errors.ts';
import type { EmitImage } from '../../image/image-event.ts';
import { openImage } from '../../image/open-image.ts';
import { dockerCredentials } from '../../image/registry/credentials.ts';
import type { Fetch } from '../../image/registry/exchange.ts';
import type { ImageReader } from '../../image/store.ts';
import type { Io } from '../io.ts';

/** An image that is there, by its digest. */
export interface NamedImage {
  readonly reader: ImageReader;
  readonly digest: string;
  /** The repository that it is in; none of a layout. */
  readonly repository?: string;
  /** For people, tag and digest included. */
  readonly shown: string;
}

interface NamedOptions {
  readonly emit: EmitImage;
  readonly fetch?: Fetch;
  /** Refuse a tag: what it names may change between two looks. */
  readonly needsDigest: boolean;
}

/** Finds the image that a user names: by a registry's reference, or by the folder of an OCI layout. */
export async function openNamed(
  text: string,
  { needsDigest, ...spoken }: NamedOptions,
  { env, cwd, signal }: Pick<Io, 'env' | 'cwd' | 'signal'>,
): Promise<NamedImage> {
  const credentials = dockerCredentials({ env });
  const { reader, reference, isDigest, shown, repository } = await openImage({
    text,
    folder: cwd,
    credentials,
    ...spoken,
    signal,
  });
  const from = repository === undefined ? {} : { repository };
  if (isDigest) return { reader, digest: reference, shown, ...from };
  if (needsDigest && !hasTag(text)) throw nameless(text);
  const stored = await reader.manifest(reference, signal);
  if (!stored) {
    throw new UserError({
      code: 'image_not_found',
      message: `${reader.name} has no tag ${reference}`,
      hint: 'causeway image push prints the digest of what it pushed; name the image by that',
    });
  }
  const { digest } = stored.descriptor;
  if (!needsDigest) return { reader, digest, shown, ...from };
  throw new UserError({
    code: 'reference_wrong',
    message: `${text} names an image by a tag, and a tag may name another one a moment later`,
    hint: `${reader.name}@${digest} is what it names now`,
  });
}

/** A colon before the last slash belongs to the host. */
function hasTag(text: string): boolean {
  return text.lastIndexOf(':') > text.lastIndexOf('/');
}

/** From the text alone: nobody is asked what the newest is. */
function nameless(text: string): UserError {
  return new UserError({
    code: 'reference_wrong',
    message: `${text} names no image: it has no digest, and there is no folder ./${text} here`,
    hint: `name it as causeway image push printed it, ${text}@sha256:…, or by an OCI layout’s folder, as causeway image build --output writes it`,
  });
}
