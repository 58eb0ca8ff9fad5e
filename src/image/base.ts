import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import { type BaseRequest, BaseStore, unusable } from './base-store.ts';
import type { ImageLayer } from './image.ts';
import { parseSource } from './image-source.ts';
import { readLock, writeLock } from './lock-file.ts';
import { type ImageConfig, type Manifest, mediaTypes } from './oci.ts';
import { fits, type Parsed, parseManifest, platformName } from './parse-manifest.ts';
import type { StoredManifest } from './store.ts';

export interface Base {
  /** The name in a registry, as the config writes it; none for one in a folder. */
  readonly name?: string;
  /** What the name means: an index's, or a single manifest's. */
  readonly digest: string;
  readonly platforms: ReadonlyMap<Platform, BasePlatform>;
}

export interface BasePlatform {
  readonly config: ImageConfig;
  readonly layers: readonly ImageLayer[];
}

/**
 * What an image is built on. A tag is looked up once, and its digest noted in `causeway.lock.json`; from then
 * on manifests come out of the cache, and layers are fetched when they are wanted.
 */
export async function openBase(request: BaseRequest): Promise<Base> {
  const { name, folder, notesBase = true, emit } = request;
  const source = parseSource(name, folder);
  const store = new BaseStore(source, request);
  const known = source.digest ?? (await readLock(folder)).get(name);
  const [digest, platforms] = await reaching(name, async () => {
    const found = known ?? (await store.lookUp());
    return [found, await readPlatforms(found, store, request)] as const;
  });
  if (known === undefined && notesBase) {
    await writeLock(folder, { [name]: digest });
    emit({ kind: 'base-resolved', name, digest });
  }
  return { digest, platforms, ...(source.kind === 'registry' ? { name } : {}) };
}

/** A registry that cannot be reached from here is no end: a base may come from elsewhere. */
async function reaching<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof UserError) || !away.includes(cause.code)) throw cause;
    const { code, message, hint, details } = cause;
    throw new UserError({
      code,
      message: `the base ${name} cannot be had: ${message}`,
      hint: `${hint}; or build on a base that can be reached: image.base: 'oci:<folder>' takes an OCI layout`,
      ...(details === undefined ? {} : { details }),
      cause,
    });
  }
}

const away: readonly string[] = ['registry_unreachable', 'registry_refused'];

async function readPlatforms(
  digest: string,
  store: BaseStore,
  { name, platforms }: BaseRequest,
): Promise<ReadonlyMap<Platform, BasePlatform>> {
  const parsed = parseBase(await store.manifest(digest), name);
  const found = new Map<Platform, BasePlatform>();
  if (parsed.kind === 'manifest') {
    const only = await readPlatform(parsed.manifest, store, name);
    const has = platformName(only.config);
    for (const platform of platforms) {
      if (!fits(only.config, platform)) throw lacks(name, platform, [has]);
      found.set(platform, only);
    }
    return found;
  }
  const choices = parsed.index.manifests.filter((one) => one.platform && one.platform.os !== 'unknown');
  for (const platform of platforms) {
    const choice = choices.find((one) => one.platform && fits(one.platform, platform));
    if (!choice) {
      throw lacks(
        name,
        platform,
        choices.map((one) => (one.platform ? platformName(one.platform) : '')),
      );
    }
    const inner = parseBase(await store.manifest(choice.digest), name);
    if (inner.kind === 'index') throw unusable(`${name} names an index for ${platform}, and no image`);
    found.set(platform, await readPlatform(inner.manifest, store, name));
  }
  return found;
}

function parseBase(stored: StoredManifest, name: string): Parsed {
  try {
    return parseManifest(stored);
  } catch (error) {
    throw unusable(`${name} is ${stored.descriptor.digest}, which is no image`, error);
  }
}

const configTypes: readonly string[] = [mediaTypes.config, mediaTypes.dockerConfig];

async function readPlatform(
  { config: descriptor, layers }: Manifest,
  store: BaseStore,
  name: string,
): Promise<BasePlatform> {
  if (!configTypes.includes(descriptor.mediaType)) {
    throw unusable(`${name} is no image: its config is of the type ${descriptor.mediaType}`);
  }
  const config = await store.config(descriptor);
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== layers.length) {
    throw unusable(`${name} has ${layers.length} layers, and its config tells of ${diffIds.length}`);
  }
  return { config, layers: layers.map((layer, at) => store.layer(layer, diffIds[at] ?? '')) };
}

function lacks(name: string, platform: Platform, has: readonly string[]): UserError {
  const others = [...new Set(has)].join(', ');
  return new UserError({
    code: 'base_unusable',
    message: `${name} has no image for ${platform}; it has ${others || 'none at all'}`,
    hint: 'leave the platform out of image.platforms, or name another base',
  });
}
