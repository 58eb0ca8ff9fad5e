import type { Platform } from '../core/platform.ts';
import { canonicalJson } from '../core/release.ts';
import { corrupt } from './corrupt.ts';
import { hexOf } from './digest.ts';
import { type Descriptor, mediaTypes } from './oci.ts';
import { packStream, type StreamedFile } from './pack-stream.ts';
import { parseManifest } from './parse-manifest.ts';
import { choosePlatform, readManifest } from './read-manifest.ts';
import { parseReference, showReference } from './registry/reference.ts';
import type { ImageReader, StoredManifest } from './store.ts';
import { streamOf } from './stream.ts';

export interface DockerArchive {
  readonly reader: ImageReader;
  /** Of an index, or of the manifest of one platform. */
  readonly digest: string;
  readonly platform: Platform;
  /** The name that it gets in the engine: `causeway/shop:latest`. */
  readonly tag: string;
  readonly signal: AbortSignal;
}

/**
 * A tar for `docker load`, of one platform; the same image gives the same bytes. It is an OCI layout, whose
 * digests newer engines keep, with the `manifest.json` beside it that older ones read.
 */
export function packDockerArchive(archive: DockerArchive): ReadableStream<Uint8Array> {
  return streamOf(pack(archive));
}

async function* pack(archive: DockerArchive): AsyncGenerator<Uint8Array> {
  yield* packStream(await filesOf(archive));
}

async function filesOf(archive: DockerArchive): Promise<readonly StreamedFile[]> {
  const { reader, tag, signal } = archive;
  const stored = await findManifest(archive);
  const parsed = parseManifest(stored);
  if (parsed.kind === 'index') throw corrupt(stored.descriptor.digest, 'is an index within an index');
  const { config, layers } = parsed.manifest;
  const blob = (descriptor: Descriptor): StreamedFile => ({
    path: pathOf(descriptor),
    size: descriptor.size,
    isExecutable: false,
    open: () => reader.blob(descriptor, signal),
  });
  const contents = new Map([config, ...layers].map((descriptor) => [descriptor.digest, blob(descriptor)]));
  const dockerManifest = [{ Config: pathOf(config), RepoTags: [tag], Layers: layers.map(pathOf) }];
  return [
    textFile('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    textFile('index.json', canonicalJson(indexOf(stored, tag))),
    textFile('manifest.json', canonicalJson(dockerManifest)),
    bytesFile(pathOf(stored.descriptor), stored.bytes),
    ...contents.values(),
  ];
}

async function findManifest({ reader, digest, platform, signal }: DockerArchive): Promise<StoredManifest> {
  const root = await readManifest(reader, digest, signal);
  const parsed = parseManifest(root);
  if (parsed.kind === 'manifest') return root;
  const { digest: chosen } = choosePlatform(parsed.index.manifests, platform, reader);
  return readManifest(reader, chosen, signal);
}

/** The annotation is where an engine that keeps its images in containerd finds the name. */
function indexOf({ descriptor, bytes }: StoredManifest, tag: string) {
  const annotations = { 'io.containerd.image.name': showReference(parseReference(tag)) };
  const { mediaType, digest } = descriptor;
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [{ mediaType, digest, size: bytes.byteLength, annotations }],
  };
}

function pathOf({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function textFile(path: string, text: string): StreamedFile {
  return bytesFile(path, new TextEncoder().encode(text));
}

function bytesFile(path: string, bytes: Uint8Array): StreamedFile {
  return { path, size: bytes.byteLength, isExecutable: false, open: () => [bytes] };
}
