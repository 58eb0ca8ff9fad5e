import { settingsOf } from '../../core/config.ts';
import type { Artifact } from '../../core/environment.ts';
import { makeRelease, type Release } from '../../core/release.ts';
import { buildArtifact } from '../../image/artifact.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Io } from '../io.ts';
import { readRevision } from './revision.ts';

export interface BuiltRelease {
  readonly release: Release;
  readonly artifact: Artifact;
  /** What was in the working tree. */
  readonly revision: string;
}

/** The release that the working tree makes in an environment; changes nothing. */
export async function buildRelease(
  { config, environmentConfig, folder }: Pick<Chosen, 'config' | 'environmentConfig' | 'folder'>,
  io: Pick<Io, 'env'>,
): Promise<BuiltRelease> {
  const [built, revision] = await Promise.all([
    buildArtifact({ service: config.service, folder }),
    readRevision(folder, io),
  ]);
  const { artifact, command } = built;
  const settings = settingsOf(config, environmentConfig);
  return {
    release: makeRelease({ artifact: artifact.digest, command: [...command], settings }),
    artifact,
    revision,
  };
}
