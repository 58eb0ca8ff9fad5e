import type { Config } from '../../core/config.ts';
import { attach } from '../../image/attest/attach.ts';
import { listBasePackages } from '../../image/attest/base-packages.ts';
import { type SigningKey, shortKey, type TrustedKey } from '../../image/attest/keys.ts';
import { makeProvenance } from '../../image/attest/provenance.ts';
import { type BaseName, makeSbom, type Sbom } from '../../image/attest/sbom.ts';
import type { TreeImage } from '../../image/build-tree-image.ts';
import type { Image } from '../../image/image.ts';
import { type RuntimePackage, runtimePackage } from '../../image/runtime-package.ts';
import type { ImageWriter } from '../../image/store.ts';
import type { Io } from '../io.ts';
import { version } from '../program.ts';
import type { Revision } from '../rollout/revision.ts';
import type { Tested } from '../rollout/run-tests.ts';
import type { Board } from '../terminal/board.ts';
import { count } from '../terminal/count.ts';
import type { Destination } from './destination.ts';
import type { Progress } from './progress.ts';
import { tellImage } from './tell-image.ts';

/** What the SBOM and the provenance say of an image's parts. */
export interface Parts {
  readonly sbom: Sbom;
  readonly base: BaseName;
  readonly runtime: readonly RuntimePackage[];
}

/** Lists what is in the image; a base that was not read before is read for it. */
export async function prepareSbom(
  { config, tree }: Pick<Attachment, 'config' | 'tree'>,
  { home, signal }: Pick<Io, 'home' | 'signal'>,
): Promise<Parts> {
  const { image, built, runtime, cache } = tree;
  const platforms = image.platforms.map(({ platform }) => platform);
  const base = baseOf(image, config.image.base);
  const [contents, runtimes] = await Promise.all([
    Promise.all(
      image.platforms.map(({ layers }) => {
        const own = layers.filter(({ role }) => role === 'base');
        return listBasePackages({ layers: own, notes: cache, signal });
      }),
    ),
    runtime === 'none' ? [] : Promise.all(platforms.map((platform) => runtimePackage(platform, home))),
  ]);
  const sbom = makeSbom({
    name: config.project,
    digest: image.digest,
    artifact: image.artifact,
    packages: built.packages,
    runtime: runtimes,
    base,
    contents,
  });
  return { sbom, base, runtime: runtimes };
}

function baseOf({ platforms }: Image, name: string): BaseName {
  const labels = platforms[0]?.config.config?.Labels ?? {};
  return { name, digest: labels['org.opencontainers.image.base.digest'] ?? '' };
}

interface Attachment {
  readonly config: Config;
  readonly tree: TreeImage;
  readonly destination: Destination;
  readonly revision: Revision;
  readonly tested: Tested | undefined;
  readonly trusted: readonly TrustedKey[];
  readonly key: SigningKey | undefined;
  /** Why it is not signed, where keys are trusted and none is given. */
  readonly whyUnsigned: string;
  readonly to: ImageWriter;
  readonly board: Board;
  readonly progress: Progress;
  readonly startedAt: number;
  readonly parts: Parts;
}

/** Attaches SBOM, provenance and signature to an image that was pushed, and tells so. */
export async function attachTo(attachment: Attachment, io: Pick<Io, 'now' | 'signal'>): Promise<void> {
  const { tree, destination, key, to, board, progress, parts } = attachment;
  const { emit } = tellImage(board, 'attach');
  board.show('attach', 'SBOM and provenance');
  const { sbom } = parts;
  const attached = await attach({
    index: tree.image.index.descriptor,
    repository: destination.name,
    sbom,
    provenance: provenanceOf(attachment, io),
    ...(key ? { key } : {}),
    to,
    emit: progress.watch(emit),
    signal: io.signal,
  }).catch((thrown: unknown) => {
    throw progress.incomplete(thrown);
  });
  const isThere = [attached.sbom, attached.provenance, attached.signature ?? 'present'].every(
    (state) => state === 'present',
  );
  const text = `SBOM of ${count(sbom.components.length, 'component')}${unknownPackages(attachment)}, provenance${isThere ? ', there already' : ''}`;
  board.end({ label: 'attach', text });
  board.say({ label: 'sign', text: signText(attachment) });
}

/** What a bundle holds is known from the bundling; in files, packages are looked for where npm and pip leave them. */
function unknownPackages({ config, tree }: Attachment): string {
  const isUnknown = config.service.files !== undefined && tree.built.packages.length === 0;
  return isUnknown ? ' (packages in service.files: none found)' : '';
}

function provenanceOf(
  { config, tree, revision, tested, parts, startedAt }: Attachment,
  { now }: Pick<Io, 'now'>,
) {
  const { service } = config;
  const { image, built } = tree;
  return makeProvenance({
    artifact: image.artifact,
    service: {
      ...(service.entry === undefined ? {} : { entry: service.entry }),
      ...(service.files === undefined ? {} : { files: service.files }),
    },
    command: built.command,
    platforms: image.platforms.map(({ platform }) => platform),
    base: parts.base,
    runtime: parts.runtime,
    ...(revision.commit === undefined
      ? {}
      : { revision: { commit: revision.commit, isChanged: revision.isChanged } }),
    versions: { causeway: version, bun: Bun.version },
    id: Bun.randomUUIDv7(),
    startedAt,
    finishedAt: now(),
    ...(tested ? { test: { ...tested, outcome: 'passed' } } : {}),
  });
}

function signText({ trusted, key, whyUnsigned }: Attachment): string {
  if (key) return `by ${shortKey(key.id)}`;
  return trusted.length === 0 ? 'not signed: image.trust names no key' : `not signed: ${whyUnsigned}`;
}
