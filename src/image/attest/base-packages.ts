import { createTarDecoder } from 'modern-tar';
import { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import { wordsOf } from '../../core/words-of.ts';
import { corrupt } from '../corrupt.ts';
import { hexOf, sha256, verified } from '../digest.ts';
import { decompress } from '../gzip.ts';
import type { ImageLayer } from '../image.ts';
import { readAll, streamOf } from '../stream.ts';
import { isDatabase, readDatabases } from './package-database.ts';

const basePackageSchema = z.object({
  type: z.enum(['deb', 'apk']),
  name: z.string(),
  version: z.string(),
  architecture: z.string(),
  license: z.string().optional(),
});
/** A package of the base's distribution. */
export type BasePackage = Readonly<z.infer<typeof basePackageSchema>>;

const contentsSchema = z.object({
  /** `ID` and `VERSION_ID` of its os-release. */
  distribution: z.object({ id: z.string(), version: z.string().optional() }).optional(),
  packages: z.array(basePackageSchema).readonly(),
});
/** What a base says of itself; no packages where it lists none. */
export type BaseContents = Readonly<z.infer<typeof contentsSchema>>;

/** Small JSON that the blob cache keeps between builds. */
export interface Notes {
  readNote(name: string): Promise<unknown>;
  writeNote(name: string, json: unknown): Promise<void>;
}

type BaseLayer = Pick<ImageLayer, 'descriptor' | 'diffId' | 'content'>;

/** The packages that the layers of a base list (dpkg's, distroless' and apk's databases); of one platform. */
export async function listBasePackages({
  layers,
  notes,
  signal,
}: {
  /** The base's, lowest first. */
  readonly layers: readonly BaseLayer[];
  readonly notes: Notes;
  readonly signal: AbortSignal;
}): Promise<BaseContents> {
  const note = `packages-1-${hexOf(sha256(layers.map(({ diffId }) => diffId).join('\n')))}`;
  const noted = contentsSchema.safeParse(await notes.readNote(note)).data;
  if (noted) return noted;
  const files = new Map<string, string>();
  for (const layer of layers) lay(await scan(layer, signal), files);
  const contents = readDatabases(files);
  await notes.writeNote(note, contents);
  return contents;
}

interface LayerContent {
  readonly files: ReadonlyMap<string, string>;
  /** What of the layers below is not there any more, with all that was in it. */
  readonly removed: ReadonlySet<string>;
  /** Folders of which nothing in the layers below is there any more. */
  readonly emptied: ReadonlySet<string>;
}

function lay({ files, removed, emptied }: LayerContent, below: Map<string, string>): void {
  for (const path of [...below.keys()]) {
    const above = foldersOf(path);
    const isGone = removed.has(path) || above.some((folder) => removed.has(folder) || emptied.has(folder));
    if (isGone) below.delete(path);
  }
  for (const [path, text] of files) below.set(path, text);
}

/** `var`, `var/lib`, `var/lib/dpkg`; the root, too. */
function foldersOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return ['', ...parts.map((_, at) => parts.slice(0, at + 1).join('/'))];
}

/** A database of all of Debian has 60 MB. */
const largestDatabase = 64 * 1024 * 1024;

async function scan({ descriptor, content }: BaseLayer, signal: AbortSignal): Promise<LayerContent> {
  const opened = await content.open(signal);
  const source = 'path' in opened ? Bun.file(opened.path).stream() : chunksOf(opened.bytes);
  const what = `the base's layer ${descriptor.digest}`;
  const bytes = verified(source, descriptor, what);
  const tar = streamOf(ended(decompress(bytes, descriptor.mediaType, what)));
  try {
    return await readTar(tar, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UserError) throw error;
    throw corrupt(what, `cannot be read as a tar: ${wordsOf(error)}`, error);
  }
}

async function readTar(tar: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<LayerContent> {
  const files = new Map<string, string>();
  const removed = new Set<string>();
  const emptied = new Set<string>();
  for await (const { header, body } of tar.pipeThrough(createTarDecoder({ strict: true }), { signal })) {
    const path = header.name.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
    const whiteout = whiteoutOf(path);
    if (whiteout) (whiteout.isOpaque ? emptied : removed).add(whiteout.path);
    // A file or link takes the place of a folder that was there, with all in it.
    else if (header.type !== 'directory') removed.add(path);
    if (header.type === 'file' && isDatabase(path)) {
      files.set(path, new TextDecoder().decode(await readAll(body, path, largestDatabase)));
    } else await body.cancel();
  }
  return { files, removed, emptied };
}

/** Engines take a tar without the two blocks that are to end it; one that is cut elsewhere is damaged. */
async function* ended(tar: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* tar;
  yield new Uint8Array(1024);
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts */
function whiteoutOf(path: string): { readonly path: string; readonly isOpaque: boolean } | undefined {
  const slash = path.lastIndexOf('/') + 1;
  const [folder, name] = [path.slice(0, Math.max(0, slash - 1)), path.slice(slash)];
  if (name === '.wh..wh..opq') return { path: folder, isOpaque: true };
  if (!name.startsWith('.wh.')) return undefined;
  return { path: path.slice(0, slash) + name.slice('.wh.'.length), isOpaque: false };
}
