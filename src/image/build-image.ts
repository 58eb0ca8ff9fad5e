import type { ImageSettings } from '../core/config.ts';
import type { Artifact } from '../core/environment.ts';
import { platforms as knownPlatforms, type Platform } from '../core/platform.ts';
import { canonicalJson } from '../core/release.ts';
import { type Base, type BasePlatform, openBase } from './base.ts';
import type { BlobCache } from './blob-cache.ts';
import { corrupt } from './corrupt.ts';
import { sha256 } from './digest.ts';
import type { Image, ImageLayer, PlatformImage } from './image.ts';
import { composeConfig } from './image-config.ts';
import type { SourceAccess } from './image-source.ts';
import { cachedLayer } from './layer-cache.ts';
import { type Descriptor, mediaTypes } from './oci.ts';
import { runtimeLayer } from './runtime-layer.ts';
import type { StoredManifest } from './store.ts';

export interface ImageRequest extends SourceAccess {
  readonly artifact: Artifact;
  readonly command: readonly string[];
  readonly port: number;
  readonly settings: Pick<ImageSettings, 'base' | 'platforms'>;
  readonly runtime: 'bun' | 'none';
  /** The config's. */
  readonly folder: string;
  /** Whether the digest of a base that was looked up is noted in the lock file. Default: true. */
  readonly notesBase?: boolean | undefined;
  /** Causeway's own, whose lockfile names the runtime. */
  readonly home: string;
  readonly cache: BlobCache;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/**
 * Base, runtime and artifact as one image. Its digest depends on these, the command and the port alone: never
 * on the time, the machine, the user or the revision.
 */
export async function buildImage(request: ImageRequest): Promise<Image> {
  const { artifact, settings } = request;
  if (sha256(artifact.tar) !== artifact.digest) throw corrupt('the artifact', `is not ${artifact.digest}`);
  const platforms = knownPlatforms.filter((platform) => settings.platforms.includes(platform));

  const base = await openBase({ ...request, name: settings.base, platforms });
  const app = await appLayer(request);
  const built: PlatformImage[] = [];
  for (const platform of platforms) {
    const below = base.platforms.get(platform);
    if (!below) throw new Error(`the base was not read for ${platform}`);
    // One after the other: what is compressed at a time must fit into little memory.
    const runtime = request.runtime === 'bun' ? [await runtimeLayer({ ...request, platform })] : [];
    built.push(
      composePlatform({ request, base, below, platform, layers: [...below.layers, ...runtime, app] }),
    );
  }

  const index = toStored(mediaTypes.index, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: built.map(({ manifest }) => manifest.descriptor),
  });
  return { digest: index.descriptor.digest, index, artifact: artifact.digest, platforms: built };
}

function appLayer({ artifact, cache, emit, signal }: ImageRequest): Promise<ImageLayer> {
  return cachedLayer({
    role: 'app',
    note: `layer ${artifact.digest}`,
    what: 'the service',
    pack: async function* () {
      yield artifact.tar;
    },
    cache,
    emit,
    signal,
  });
}

function composePlatform({
  request,
  base,
  below,
  platform,
  layers,
}: {
  readonly request: ImageRequest;
  readonly base: Base;
  readonly below: BasePlatform;
  readonly platform: Platform;
  readonly layers: readonly ImageLayer[];
}): PlatformImage {
  const { artifact, command, port } = request;
  const config = composeConfig({ base, below, platform, layers, artifact: artifact.digest, command, port });
  const { descriptor: configDescriptor, bytes } = toStored(mediaTypes.config, config);
  const { architecture, os, variant } = config;
  const manifest = toStored(
    mediaTypes.manifest,
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: configDescriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    },
    { architecture, os, ...(variant === undefined ? {} : { variant }) },
  );
  const configBlob = { descriptor: configDescriptor, open: async () => ({ bytes }) };
  return { platform, manifest, config, configBlob, layers };
}

function toStored(mediaType: string, content: unknown, platform?: Descriptor['platform']): StoredManifest {
  const bytes = new TextEncoder().encode(canonicalJson(content));
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.byteLength };
  return { descriptor: platform === undefined ? descriptor : { ...descriptor, platform }, bytes };
}
