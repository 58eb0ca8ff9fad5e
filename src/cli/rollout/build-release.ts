import { settingsOf } from '../../core/config.ts';
import type { DeployRequest } from '../../core/environment.ts';
import { makeRelease } from '../../core/release.ts';
import { buildArtifact } from '../../image/artifact.ts';
import type { TreeImageOptions } from '../../image/build-tree-image.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Io } from '../io.ts';
import { readRevision } from './revision.ts';

/** A release, and what it is made of. */
export interface NewRelease extends Pick<DeployRequest, 'release' | 'artifact' | 'image' | 'signedBy'> {
  /** What it was built from. */
  readonly revision: string;
}

/** Where replicas are containers: how the image is built. */
type Building = Pick<TreeImageOptions, 'emit' | 'fetch' | 'notesBase'>;
type Parts = Pick<Chosen, 'config' | 'environmentConfig' | 'folder'>;

/** The release that the working tree makes in an environment; rolls nothing out. */
export async function buildRelease(
  parts: Parts,
  io: Pick<Io, 'env' | 'home' | 'signal'>,
  how: Building,
): Promise<NewRelease> {
  const isContainer = parts.environmentConfig.runner === 'container';
  const [built, revision] = await Promise.all([
    isContainer ? buildContainer(parts, io, how) : buildProcess(parts),
    readRevision(parts.folder, io),
  ]);
  return { ...built, revision: revision.shown };
}

async function buildProcess({ config, environmentConfig, folder }: Parts) {
  const { artifact, command } = await buildArtifact({ service: config.service, folder });
  const settings = settingsOf(config, environmentConfig);
  return { release: makeRelease({ artifact: artifact.digest, command: [...command], settings }), artifact };
}

async function buildContainer(
  { config, environmentConfig, folder }: Parts,
  { env, home, signal }: Pick<Io, 'env' | 'home' | 'signal'>,
  how: Building,
) {
  const [{ buildTreeImage }, { builtContent }] = await Promise.all([
    import('../../image/build-tree-image.ts'),
    import('../../image/image-content.ts'),
  ]);
  const { image, built } = await buildTreeImage({ config, folder, env, home, signal, ...how });
  const release = makeRelease({
    artifact: image.artifact,
    image: image.digest,
    command: [...built.command],
    settings: settingsOf(config, environmentConfig),
  });
  return { release, image: builtContent(image, how.emit) };
}
