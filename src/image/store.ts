import { UserError } from '../core/errors.ts';
import type { Descriptor } from './oci.ts';

/** The bytes of a manifest or an index, as they were stored, with what names them. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Where images are read from: a repository of a registry, or an OCI layout folder. */
export interface ImageReader {
  /** For people: `registry.example.com/team/shop`, `./images`. */
  readonly name: string;
  /**
   * By digest or by tag; none where there is no such manifest. Bytes that do not fit the digest asked for
   * throw `image_corrupt`.
   */
  manifest(reference: string, signal: AbortSignal): Promise<StoredManifest | undefined>;
  /**
   * The content of a blob. Bytes that do not fit size or digest make the stream fail with `image_corrupt` at
   * the end at the latest, so nothing read from it counts before it has ended. No such blob throws
   * `image_not_found`.
   */
  blob(descriptor: Descriptor, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** The path of a file that holds the blob whole and undamaged, where there is one on this machine. */
  file?(descriptor: Descriptor, signal: AbortSignal): Promise<string | undefined>;
  /** What is attached to the manifest of this digest: OCI referrers. */
  referrers(digest: string, signal: AbortSignal): Promise<readonly Descriptor[]>;
}

/** Where a blob's bytes are taken from when it is written; `open` may be called again for another try. */
export interface BlobContent {
  readonly descriptor: Descriptor;
  /** The path of a file that holds it whole, or its bytes. */
  open(signal: AbortSignal): Promise<{ readonly path: string } | { readonly bytes: Uint8Array }>;
  /** A repository of the same registry that has it already, where one is known: `gcr.io/distroless/cc`. */
  readonly isIn?: string;
}

/** Where images are written to. What refers to something is written after it: blobs, manifests, index, tag. */
export interface ImageWriter extends ImageReader {
  /** Writes the blob unless it is there. */
  putBlob(content: BlobContent, signal: AbortSignal): Promise<'present' | 'mounted' | 'written'>;
  /**
   * Under its digest, and under a tag where one is given. One with a `subject` is listed by `referrers` from then on.
   * Where what it names is not there, `PartMissing` is thrown.
   */
  putManifest(manifest: StoredManifest, tag: string | undefined, signal: AbortSignal): Promise<void>;
}

/** A manifest names what the registry does not have; it may have cleared away what was there a moment before. */
export class PartMissing extends UserError {}
