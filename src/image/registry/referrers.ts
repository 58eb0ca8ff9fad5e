import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Descriptor, descriptorSchema, type Index, indexSchema, mediaTypes } from '../oci.ts';
import type { StoredManifest } from '../store.ts';
import type { Connection } from './connection.ts';
import { corrupt } from './corrupt.ts';
import { readAll } from './exchange.ts';
import { readManifest, writeManifest } from './manifests.ts';

/** Of one page. */
const mostBytes = 8_388_608;
const mostPages = 100;

/** What is attached to a digest, as the registry lists it; or as the tag lists it that stands in for its list. */
export async function readReferrers(
  connection: Connection,
  digest: string,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  let next: string | URL | undefined = `referrers/${digest}`;
  for (let page = 0; page < mostPages && next !== undefined; page += 1) {
    const listed: Page | undefined = await readPage(connection, digest, next, signal);
    if (listed === undefined) return (await readTag(connection, digest, signal))?.manifests ?? [];
    found.push(...listed.manifests);
    next = listed.next;
  }
  return found;
}

interface Page {
  readonly manifests: readonly Descriptor[];
  readonly next?: URL;
}

/** What a registry answers that does not know the question. */
const unknownStatuses: readonly number[] = [400, 404, 405, 501];

async function readPage(
  connection: Connection,
  digest: string,
  to: string | URL,
  signal: AbortSignal,
): Promise<Page | undefined> {
  const what = `reading what is attached to ${digest} in ${connection.repository}`;
  return connection.patiently(what, signal, async () => {
    const answer = await connection.send(
      { method: 'GET', to, headers: { accept: mediaTypes.index } },
      signal,
    );
    const isIndex = answer.headers.get('content-type')?.startsWith(mediaTypes.index) === true;
    if (unknownStatuses.includes(answer.status) || (answer.status === 200 && !isIndex)) {
      await answer.drop();
      return undefined;
    }
    if (answer.status !== 200) throw await connection.refusal(answer, what);
    const { manifests } = parseIndex(
      await readAll(answer, mostBytes),
      `the list of what is attached to ${digest} in ${connection.name}`,
    );
    const next = nextPage(answer.headers.get('link'), answer.url);
    return { manifests, ...(next === undefined ? {} : { next }) };
  });
}

/** `Link: </v2/…>; rel="next"`; to another host it would not lead on. */
function nextPage(link: string | null, url: URL): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined || !URL.canParse(target, url.href)) return undefined;
  const next = new URL(target, url);
  return next.origin === url.origin ? next : undefined;
}

/** `sha256-<hex>`, of the specification's "referrers tag schema". */
function tagOf(digest: string): string {
  return digest.replace(':', '-');
}

async function readTag(
  connection: Connection,
  digest: string,
  signal: AbortSignal,
): Promise<Index | undefined> {
  const stored = await readManifest(connection, tagOf(digest), signal);
  if (stored === undefined) return undefined;
  return parseIndex(stored.bytes, `${connection.name}:${tagOf(digest)}`);
}

const attachedSchema = z.looseObject({
  artifactType: z.string().nullish(),
  config: z.looseObject({ mediaType: z.string() }).nullish(),
  subject: descriptorSchema.nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
type Attached = z.infer<typeof attachedSchema>;

export interface WriteAttachedOptions {
  readonly connection: Connection;
  readonly manifest: StoredManifest;
  readonly tag: string | undefined;
  /** One after the other: two that are put on the same list at once would lose one of them. */
  readonly inTurn: (act: () => Promise<void>) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Writes a manifest; where it has a subject and the registry keeps no list, it is put on the tag's. */
export async function writeAttached({
  connection,
  manifest,
  tag,
  inTurn,
  signal,
}: WriteAttachedOptions): Promise<void> {
  const { isListed } = await writeManifest(connection, manifest, tag, signal);
  const attached = attachedSchema.parse(JSON.parse(new TextDecoder().decode(manifest.bytes)));
  const { subject } = attached;
  if (!subject || isListed) return;
  await inTurn(() => addToTag(connection, subject.digest, listing(manifest, attached), signal));
}

function listing(
  { descriptor: { mediaType, digest, size } }: StoredManifest,
  { artifactType, config, annotations }: Attached,
): Descriptor {
  const type = artifactType ?? config?.mediaType;
  return {
    mediaType,
    digest,
    size,
    ...(type ? { artifactType: type } : {}),
    ...(annotations ? { annotations } : {}),
  };
}

async function addToTag(
  connection: Connection,
  subject: string,
  added: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const index = await readTag(connection, subject, signal);
  const manifests = index?.manifests ?? [];
  if (manifests.some(({ digest }) => digest === added.digest)) return;
  const bytes = new TextEncoder().encode(
    JSON.stringify({
      ...index,
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [...manifests, added],
    }),
  );
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const descriptor = { mediaType: mediaTypes.index, digest, size: bytes.length };
  await writeManifest(connection, { descriptor, bytes }, tagOf(subject), signal);
}

function parseIndex(bytes: Uint8Array | undefined, name: string): Index {
  try {
    return indexSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw corrupt(name, 'is no index');
  }
}
