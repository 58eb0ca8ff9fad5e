import type { Artifact } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import { corrupt } from './corrupt.ts';
import { sha256 } from './digest.ts';
import { decompress } from './gzip.ts';
import { artifactLabel } from './image-config.ts';
import type { Descriptor, ImageConfig, Manifest } from './oci.ts';
import { parseConfig, parseManifest, platformName } from './parse-manifest.ts';
import { readManifest } from './read-manifest.ts';
import type { ImageReader, StoredManifest } from './store.ts';
import { readAll } from './stream.ts';

export interface ReadPlatform {
  /** `linux/amd64`, `linux/arm64/v8` */
  readonly platform: string;
  /** The manifest's. */
  readonly digest: string;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

export interface ReadImage {
  /** The index; or the manifest of an image that is of one platform without an index. */
  readonly index: StoredManifest;
  readonly platforms: readonly ReadPlatform[];
  /** The artifact that each platform's last layer holds; none if Causeway did not make the image. */
  readonly artifact?: string;
}

export interface ImageLookup {
  readonly from: ImageReader;
  /** Of an index, or of the manifest of one platform. */
  readonly digest: string;
  readonly signal: AbortSignal;
}

/** Index, manifests and configs; each is compared with the digest that names it. Layers are not read. */
export async function readImage({ from, digest, signal }: ImageLookup): Promise<ReadImage> {
  const index = await readManifest(from, digest, signal);
  const platforms: ReadPlatform[] = [];
  for (const descriptor of manifestsOf(index)) {
    platforms.push(await readPlatform(descriptor, from, signal));
  }
  if (platforms.length === 0) throw corrupt(digest, 'names no image of any platform');
  const artifact = artifactOf(platforms);
  return { index, platforms, ...(artifact === undefined ? {} : { artifact }) };
}

/** The artifact out of an image that Causeway made, and the command that starts it. */
export async function readArtifact({ from, digest, signal }: ImageLookup): Promise<{
  readonly artifact: Artifact;
  readonly command: readonly string[];
}> {
  const { platforms, artifact } = await readImage({ from, digest, signal });
  const [first] = platforms;
  const layer = first?.manifest.layers.at(-1);
  if (artifact === undefined || first === undefined || layer === undefined) {
    throw new UserError({
      code: 'image_unverified',
      message: `${digest} in ${from.name} was not made by Causeway, so there is no artifact to take out of it`,
      hint: "run it as a container (runner: 'container'), or name an image that causeway image push wrote",
    });
  }
  const what = `the service's layer of ${digest}`;
  const tar = await readAll(
    decompress(await from.blob(layer, signal), layer.mediaType, what),
    what,
    largestArtifact,
  );
  const found = sha256(tar);
  if (found !== artifact) throw corrupt(what, `holds ${found}, and its config says ${artifact}`);
  return { artifact: { digest: artifact, tar }, command: first.config.config?.Cmd ?? [] };
}

/** It is held in memory; more than this is no application layer but an attack. */
const largestArtifact = 2 ** 31;
const largestConfig = 4 * 1024 * 1024;

/** What builders attach to an index as a manifest of an unknown platform is no image. */
function manifestsOf(index: StoredManifest): readonly Descriptor[] {
  const parsed = parseManifest(index);
  if (parsed.kind === 'manifest') return [index.descriptor];
  return parsed.index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
}

async function readPlatform(
  descriptor: Descriptor,
  from: ImageReader,
  signal: AbortSignal,
): Promise<ReadPlatform> {
  const stored = await readManifest(from, descriptor.digest, signal);
  const parsed = parseManifest(stored);
  if (parsed.kind === 'index') throw corrupt(descriptor.digest, 'is an index within an index');
  const { config: place } = parsed.manifest;
  const bytes = await readAll(
    await from.blob(place, signal),
    `the config of ${descriptor.digest}`,
    largestConfig,
  );
  const config = parseConfig(bytes, place.digest);
  if (config.rootfs.diff_ids.length !== parsed.manifest.layers.length) {
    throw corrupt(descriptor.digest, 'does not have the layers that its config tells of');
  }
  const platform = platformName(descriptor.platform ?? config);
  return { platform, digest: descriptor.digest, manifest: parsed.manifest, config };
}

function artifactOf(platforms: readonly ReadPlatform[]): string | undefined {
  if (platforms.every(({ config }) => isForeign(config))) return undefined;
  const labels = new Set(platforms.map(({ config }) => labelOf(config)));
  const [label] = labels;
  for (const { config, digest } of platforms) {
    const last = config.rootfs.diff_ids.at(-1);
    if (labels.size > 1 || last !== label) {
      throw corrupt(
        digest,
        `says that it holds the artifact ${[...labels].join(' and ')}, and holds ${last}`,
      );
    }
  }
  return label;
}

/** An image that others built on one of ours inherits its label, and has layers of its own above the artifact. */
function isForeign(config: ImageConfig): boolean {
  const label = labelOf(config);
  return label === undefined || config.rootfs.diff_ids.slice(0, -1).includes(label);
}

function labelOf({ config }: ImageConfig): string | undefined {
  return config?.Labels?.[artifactLabel];
}
