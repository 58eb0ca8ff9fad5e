import { UserError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { BlobCache } from './blob-cache.ts';
import type { ImageLayer } from './image.ts';
import { type ImageSource, openSource, placeOf, type SourceAccess } from './image-source.ts';
import { InFlight } from './in-flight.ts';
import { layoutImage } from './layout.ts';
import { lockFileName } from './lock-file.ts';
import { type Descriptor, type ImageConfig, mediaTypes } from './oci.ts';
import { mediaTypeOf, parseConfig } from './parse-manifest.ts';
import type { ImageReader, StoredManifest } from './store.ts';
import { readAll } from './stream.ts';

export interface BaseRequest extends SourceAccess {
  /** `image.base`. */
  readonly name: string;
  readonly platforms: readonly Platform[];
  /** The config's, where the lock file lies. */
  readonly folder: string;
  /** Whether a digest that was looked up is noted there. Default: true. */
  readonly notesBase?: boolean | undefined;
  readonly cache: BlobCache;
  readonly signal: AbortSignal;
}

/** The base's manifests and configs, from the cache where they are there. */
export class BaseStore {
  readonly #source: ImageSource;
  readonly #request: BaseRequest;
  /** Those that are wanted in two places at once: for the SBOM, and to be uploaded. */
  readonly #layers = new InFlight<{ readonly path: string }>();
  #opened: ImageReader | undefined;

  constructor(source: ImageSource, request: BaseRequest) {
    this.#source = source;
    this.#request = request;
  }

  async lookUp(): Promise<string> {
    const { name, signal, cache } = this.#request;
    const source = this.#source;
    if (source.kind === 'layout' && source.tag === undefined) return layoutImage(source.path, signal);
    const stored = await this.#reader().manifest(source.tag ?? 'latest', signal);
    if (!stored) throw notFound(`there is no image ${name}`, 'mend image.base in the config');
    await cache.write(stored.bytes, signal, stored.descriptor);
    return stored.descriptor.digest;
  }

  async manifest(digest: string): Promise<StoredManifest> {
    const { name, signal, cache } = this.#request;
    const bytes = await cache.read(digest);
    if (bytes) {
      return { descriptor: { mediaType: mediaTypeOf(bytes, name), digest, size: bytes.byteLength }, bytes };
    }
    const stored = await this.#reader().manifest(digest, signal);
    if (!stored) {
      throw notFound(
        `${name} has no ${digest} any more`,
        `remove its line from ${lockFileName} to take what ${name} is today, or name another base`,
      );
    }
    await cache.write(stored.bytes, signal, stored.descriptor);
    return stored;
  }

  async config(descriptor: Descriptor): Promise<ImageConfig> {
    const { signal, cache } = this.#request;
    const cached = await cache.read(descriptor.digest);
    if (cached) return parseConfig(cached, descriptor.digest);
    const what = `the config of ${this.#request.name}`;
    const bytes = await readAll(await this.#reader().blob(descriptor, signal), what);
    await cache.write(bytes, signal, descriptor);
    return parseConfig(bytes, descriptor.digest);
  }

  /** Fetched into the cache when it is opened first. */
  layer(descriptor: Descriptor, diffId: string): ImageLayer {
    const { name, cache, emit } = this.#request;
    const { digest, size } = descriptor;
    const ours = { mediaType: layerType(descriptor, name), digest, size };
    const fetchOnce = async (signal: AbortSignal) => {
      const found = await cache.find(ours, signal);
      if (found !== undefined) return { path: found };
      emit({ kind: 'fetching', what: `a layer of ${name}`, size });
      const { path } = await cache.write(await this.#reader().blob(descriptor, signal), signal, ours);
      return { path };
    };
    const open = (signal: AbortSignal) => this.#layers.join(digest, signal, fetchOnce);
    const isIn = this.#source.kind === 'registry' ? { isIn: placeOf(this.#source) } : {};
    return { role: 'base', descriptor: ours, diffId, content: { descriptor: ours, open, ...isIn } };
  }

  #reader(): ImageReader {
    this.#opened ??= openSource(this.#source, this.#request);
    return this.#opened;
  }
}

/** Docker's types of before OCI say the same of the same bytes. */
const layerTypes: Readonly<Record<string, string>> = {
  [mediaTypes.layer]: mediaTypes.layer,
  [mediaTypes.gzipLayer]: mediaTypes.gzipLayer,
  [mediaTypes.zstdLayer]: mediaTypes.zstdLayer,
  [mediaTypes.dockerLayer]: mediaTypes.gzipLayer,
  'application/vnd.docker.image.rootfs.diff.tar': mediaTypes.layer,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': mediaTypes.zstdLayer,
};

function layerType({ mediaType }: Descriptor, name: string): string {
  const known = layerTypes[mediaType];
  if (known !== undefined) return known;
  throw unusable(`${name} has a layer of the type ${mediaType}, which not every engine can be given`);
}

export function unusable(message: string, cause?: unknown): UserError {
  return new UserError({ code: 'base_unusable', message, hint: 'name another base in image.base', cause });
}

function notFound(message: string, hint: string): UserError {
  return new UserError({ code: 'image_not_found', message, hint });
}
