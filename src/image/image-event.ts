/** What happens while an image is built, written or read, told as it happens. Synchronous, and never waits. */
export type ImageEvent =
  /** The base's name was looked up for the first time, and its digest noted in the lock file. */
  | { readonly kind: 'base-resolved'; readonly name: string; readonly digest: string }
  | { readonly kind: 'fetching'; readonly what: string; readonly size?: number }
  /** A layer that was not in the cache is compressed. */
  | { readonly kind: 'packing'; readonly what: string }
  | { readonly kind: 'writing'; readonly digest: string; readonly size: number }
  | {
      readonly kind: 'written';
      readonly digest: string;
      readonly size: number;
      readonly how: 'present' | 'mounted' | 'written';
    }
  /** Something went wrong that is tried again. */
  | { readonly kind: 'retrying'; readonly what: string; readonly because: string; readonly pauseMs: number };

export type EmitImage = (event: ImageEvent) => void;
