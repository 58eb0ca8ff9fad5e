import { z } from 'zod';
import { releaseSchema } from '../../core/release.ts';

export const storedReleaseSchema = z.object({
  schemaVersion: z.literal(1),
  release: releaseSchema,
  /**
   * The pod template as JSON text, as it was rendered when the release was first rolled out; not rendered anew
   * unless its image is pulled from elsewhere, so that the same release is the same template whatever version of Causeway
   * rolls it out. `secretSetMark` stands where the name of the secret set goes.
   */
  template: z.string(),
  /** The immutable ConfigMap that the template names: its name and data. */
  settings: z.object({ name: z.string(), data: z.record(z.string(), z.string()) }),
  /** `registry.example.com/team/shop@sha256:…`. */
  image: z.string(),
});
/** All that it takes to run a release again. */
export type StoredRelease = Readonly<z.infer<typeof storedReleaseSchema>>;

/** Stands in a stored template for the name of the secret set. */
export const secretSetMark = '@SECRET-SET@';
