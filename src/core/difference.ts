/** A field that is not what it shall be. */
export interface Difference {
  /** `Deployment/shop`. */
  readonly object: string;
  /** `spec.replicas`; absent where the whole object is missing, or is one too many. */
  readonly field?: string;
  /** As it shall be, and as it is. */
  readonly wanted: unknown;
  readonly found: unknown;
}
