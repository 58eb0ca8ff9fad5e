import { UserError } from '../../core/errors.ts';
import { corrupt } from '../corrupt.ts';
import { sha256 } from '../digest.ts';
import { type Descriptor, type Index, indexSchema, mediaTypes } from '../oci.ts';
import { parseJson } from '../parse-json.ts';
import { attachedTo } from '../parse-manifest.ts';
import type { StoredManifest } from '../store.ts';
import { readAll } from '../stream.ts';
import type { Connection } from './connection.ts';
import { Fault } from './fault.ts';
import { fetchManifest, writeManifest } from './manifests.ts';

/** Of all pages. */
const mostBytes = 33_554_432;
const mostBytesOfPage = 8_388_608;
const mostPages = 100;

/**
 * What is attached to a digest, as the registry lists it; or as the tag lists it that stands in for its list. A list
 * that does not end throws `image_unverified`: what is not listed could be what matters.
 */
export async function readReferrers(
  connection: Connection,
  digest: string,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  let next: string | URL | undefined = `referrers/${digest}`;
  let bytes = 0;
  for (let page = 0; next !== undefined; page += 1) {
    if (page === mostPages || bytes > mostBytes) throw endless(connection, digest);
    const listed: Page | undefined = await readPage(connection, digest, next, signal);
    if (listed === undefined) return (await readTag(connection, digest, signal))?.manifests ?? [];
    found.push(...listed.manifests);
    bytes += listed.size;
    next = listed.next;
  }
  return found;
}

function endless({ name }: Connection, digest: string): UserError {
  return new UserError({
    code: 'image_unverified',
    message: `the list of what is attached to ${digest} in ${name} does not end after ${mostPages} pages or ${mostBytes} bytes`,
    hint: 'delete from the repository what does not belong there, or push the image to another one',
  });
}

interface Page {
  readonly manifests: readonly Descriptor[];
  /** In bytes. */
  readonly size: number;
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
    if (answer.status !== 200) throw await connection.refusal(answer, what, signal);
    const name = `the list of what is attached to ${digest} in ${connection.name}`;
    const bytes = await readAll(answer.chunks(), name, mostBytesOfPage);
    const { manifests } = parseIndex(bytes, name);
    const next = nextPage(answer.headers.get('link'), answer.url);
    return { manifests, size: bytes.byteLength, ...(next === undefined ? {} : { next }) };
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
  const stored = await fetchManifest(connection, tagOf(digest), signal);
  if (stored === undefined) return undefined;
  return parseIndex(stored.bytes, `${connection.name}:${tagOf(digest)}`);
}

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
  const attached = attachedTo(manifest);
  if (!attached || isListed) return;
  await inTurn(() => addToTag(connection, attached.subject, attached.descriptor, signal));
}

/** Tried again where somebody else, who writes the list at the same time, writes it without what is added. */
function addToTag(
  connection: Connection,
  subject: string,
  added: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const lists = (index: Index | undefined) =>
    index?.manifests.some(({ digest }) => digest === added.digest) === true;
  const what = `listing ${added.digest} in ${connection.repository}:${tagOf(subject)}`;
  return connection.patiently(what, signal, async () => {
    const index = await readTag(connection, subject, signal);
    if (lists(index)) return;
    const bytes = new TextEncoder().encode(
      JSON.stringify({
        ...index,
        schemaVersion: 2,
        mediaType: mediaTypes.index,
        manifests: [...(index?.manifests ?? []), added],
      }),
    );
    const descriptor = { mediaType: mediaTypes.index, digest: sha256(bytes), size: bytes.length };
    await writeManifest(connection, { descriptor, bytes }, tagOf(subject), signal);
    if (!lists(await readTag(connection, subject, signal))) {
      throw new Fault('lost what was put on its list, as if somebody else wrote it too');
    }
  });
}

function parseIndex(bytes: Uint8Array, name: string): Index {
  const { data } = indexSchema.safeParse(parseJson(bytes));
  if (data === undefined) throw corrupt(name, 'is no index');
  return data;
}
