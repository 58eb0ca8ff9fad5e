import type { ImageLayer } from './image.ts';

/** What happens while an image is built, written or read, told as it happens. Synchronous, and never waits. */
export type ImageEvent =
  /** The base's name was looked up for the first time, and its digest noted in the lock file. */
  | { readonly kind: 'base-resolved'; readonly name: string; readonly digest: string }
  | { readonly kind: 'fetching'; readonly what: string; readonly size?: number }
  /** A layer that was not in the cache is compressed. */
  | { readonly kind: 'packing'; readonly what: string; readonly role: ImageLayer['role'] }
  | { readonly kind: 'writing'; readonly digest: string; readonly size: number }
  | {
      readonly kind: 'written';
      readonly digest: string;
      readonly size: number;
      readonly how: 'present' | 'mounted' | 'written';
    }
  /** The blobs are there, and the first manifest is written now: from here on the image may be there. */
  | { readonly kind: 'publishing'; readonly digest: string }
  /** The image is there, under its tag too. What is attached to it may still be missing. */
  | { readonly kind: 'published'; readonly digest: string }
  /** One of the things that belong to an image that is there: written now, or before. */
  | { readonly kind: 'attached'; readonly what: 'sbom' | 'provenance' | 'signature' }
  /** Something went wrong that is tried again. */
  | { readonly kind: 'retrying'; readonly what: string; readonly because: string; readonly pauseMs: number };

export type EmitImage = (event: ImageEvent) => void;
