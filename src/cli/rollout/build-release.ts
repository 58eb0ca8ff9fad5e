import { settingsOf, usesImages } from '../../core/config.ts';
import type { DeployRequest } from '../../core/environment.ts';
import { makeRelease } from '../../core/release.ts';
import { buildArtifact } from '../../image/artifact.ts';
import type { TreeImage, TreeImageOptions } from '../../image/build-tree-image.ts';
import type { ImageReader } from '../../image/store.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Io } from '../io.ts';
import { type Revision, readRevision } from './revision.ts';

/** A release, and what it is made of. */
export interface NewRelease
  extends Pick<DeployRequest, 'release' | 'artifact' | 'image' | 'pullFrom' | 'signedBy'> {
  /** What it was built from. */
  readonly revision: string;
  /** Its image, where that is in no registry yet. */
  readonly unpushed?: Unpushed;
}

export type Unpushed =
  | { readonly kind: 'tree'; readonly tree: TreeImage; readonly revision: Revision }
  | { readonly kind: 'layout'; readonly from: ImageReader; readonly digest: string };

/** Where replicas are containers: how the image is built. */
type Building = Pick<TreeImageOptions, 'emit' | 'fetch' | 'notesBase'>;
type Parts = Pick<Chosen, 'config' | 'environmentConfig' | 'folder'>;

/** The release that the working tree makes in an environment; rolls nothing out. */
export async function buildRelease(
  parts: Parts,
  io: Pick<Io, 'env' | 'home' | 'signal'>,
  how: Building,
): Promise<NewRelease> {
  const readingRevision = readRevision(parts.folder, io);
  if (!usesImages(parts.environmentConfig)) {
    const [built, revision] = await Promise.all([buildProcess(parts), readingRevision]);
    return { ...built, revision: revision.shown };
  }
  const [{ tree, ...built }, revision] = await Promise.all([buildContainer(parts, io, how), readingRevision]);
  return { ...built, revision: revision.shown, unpushed: { kind: 'tree', tree, revision } };
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
  const tree = await buildTreeImage({ config, folder, env, home, signal, ...how });
  const { image, built } = tree;
  const release = makeRelease({
    artifact: image.artifact,
    image: image.digest,
    command: [...built.command],
    settings: settingsOf(config, environmentConfig),
  });
  return { release, image: builtContent(image, how.emit), tree };
}
