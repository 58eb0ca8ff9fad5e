import type { Platform } from '../core/platform.ts';
import type { Descriptor, ImageConfig } from './oci.ts';
import type { BlobContent, StoredManifest } from './store.ts';

/** An image of all its platforms, ready to be written somewhere. The same content gives the same digest anywhere. */
export interface Image {
  /** The index's. */
  readonly digest: string;
  readonly index: StoredManifest;
  /** `sha256:…` of the uncompressed application layer: the diffID of each platform's last layer. */
  readonly artifact: string;
  readonly platforms: readonly PlatformImage[];
}

export interface PlatformImage {
  readonly platform: Platform;
  readonly manifest: StoredManifest;
  readonly config: ImageConfig;
  readonly configBlob: BlobContent;
  /** Lowest first. */
  readonly layers: readonly ImageLayer[];
}

export interface ImageLayer {
  readonly role: 'base' | 'runtime' | 'app';
  readonly descriptor: Descriptor;
  /** The digest of the uncompressed layer. */
  readonly diffId: string;
  readonly content: BlobContent;
}
