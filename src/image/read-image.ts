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
  const listed = manifestsOf(index);
  if (listed.length === 0) throw corrupt(digest, 'names no image of any platform');
  if (listed.length > mostPlatforms) {
    throw corrupt(digest, `names ${listed.length} images, and no more than ${mostPlatforms} are read`);
  }
  const platforms: ReadPlatform[] = [];
  const known = new Set<string>();
  for (const descriptor of listed) {
    const read = await readPlatform(descriptor, from, signal);
    const key = distinct(read.platform, descriptor);
    // Which of the two runs would depend on who reads it.
    if (known.has(key)) throw corrupt(digest, `names two images for ${read.platform}`);
    known.add(key);
    platforms.push(read);
  }
  const artifact = artifactOf(platforms);
  return { index, platforms, ...(artifact === undefined ? {} : { artifact }) };
}

/** The artifact out of an image that Causeway made, and the command that starts it. */
export async function readArtifact({
  from,
  digest,
  mostBytes = largestArtifact,
  signal,
}: ImageLookup & {
  /** Of the unpacked layer: it is held in memory. */
  readonly mostBytes?: number;
}): Promise<{
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
    mostBytes,
  );
  const found = sha256(tar);
  if (found !== artifact) throw corrupt(what, `holds ${found}, and its config says ${artifact}`);
  return { artifact: { digest: artifact, tar }, command: first.config.config?.Cmd ?? [] };
}

/** More than this is no application layer but an attack. */
const largestArtifact = 512 * 1024 * 1024;
/** Of an index; there are not as many that Linux runs on. */
const mostPlatforms = 64;
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
  refuseOther(descriptor, stored.descriptor);
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
  const said = descriptor.platform ?? config;
  // An engine takes it by what the index says, and then runs what the config says.
  if (!isSamePlatform(said, config)) {
    const [listed, held] = [said, config].map(platformName);
    throw corrupt(descriptor.digest, `is listed for ${listed}, and its config is for ${held}`);
  }
  const platform = platformName(said);
  return { platform, digest: descriptor.digest, manifest: parsed.manifest, config };
}

/** The digest is compared by the reader; what else is said of a manifest is not part of it. */
function refuseOther(listed: Descriptor, { size, mediaType }: Descriptor): void {
  const { digest } = listed;
  if (listed.size !== size) throw corrupt(digest, `has ${size} bytes, and is listed with ${listed.size}`);
  if (listed.mediaType !== mediaType) {
    throw corrupt(digest, `is a ${mediaType}, and is listed as a ${listed.mediaType}`);
  }
}

type Platform = Parameters<typeof platformName>[0];

/** Many a config leaves out the variant that its index names. */
function isSamePlatform(a: Platform, b: Platform): boolean {
  const isSameVariant = !a.variant || !b.variant || a.variant === b.variant;
  return a.os === b.os && a.architecture === b.architecture && isSameVariant;
}

/** What tells the images of an index apart; those for Windows by its version, too. */
function distinct(platform: string, { platform: said }: Descriptor): string {
  const version = said?.os === 'windows' ? said['os.version'] : undefined;
  return `${platform.replace(/^linux\/arm64\/v8$/, 'linux/arm64')} ${version ?? ''}`;
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
