import type { UserError } from '../../core/errors.ts';
import { corrupt } from '../corrupt.ts';
import { sha256 } from '../digest.ts';
import { digestSchema, mediaTypes } from '../oci.ts';
import { mediaTypeOf } from '../parse-manifest.ts';
import { PartMissing, type StoredManifest } from '../store.ts';
import { readAll } from '../stream.ts';
import type { Connection } from './connection.ts';
import type { Answer } from './exchange.ts';
import { readRefusal } from './refusal.ts';
import { refuseOtherDigest, toldDigest } from './told-digest.ts';

/** Twice what a registry must take at least. */
const mostBytes = 8_388_608;
const accepted = [
  mediaTypes.index,
  mediaTypes.manifest,
  mediaTypes.dockerIndex,
  mediaTypes.dockerManifest,
].join(', ');

/** By digest or by tag; none where there is none. */
export async function fetchManifest(
  connection: Connection,
  reference: string,
  signal: AbortSignal,
): Promise<StoredManifest | undefined> {
  const what = `reading ${showPart(connection, reference)}`;
  return connection.patiently(what, signal, async () => {
    const answer = await connection.send(
      { method: 'GET', to: `manifests/${reference}`, headers: { accept: accepted } },
      signal,
    );
    if (answer.status === 404) {
      await answer.drop();
      return undefined;
    }
    if (answer.status !== 200) throw await connection.refusal(answer, what, signal);
    return storedOf(connection, reference, answer);
  });
}

async function storedOf(connection: Connection, reference: string, answer: Answer): Promise<StoredManifest> {
  const name = `the manifest ${showPart(connection, reference)} of ${connection.host}`;
  const bytes = await readAll(answer.chunks(), name, mostBytes);
  const digest = sha256(bytes);
  const wanted = digestSchema.safeParse(reference).data ?? toldDigest(answer) ?? digest;
  if (digest !== wanted) throw corrupt(name, `is not what came: that is ${digest}, and not ${wanted}`);
  const told = answer.headers.get('content-type')?.split(';')[0]?.trim();
  const mediaType = mediaTypeOf(bytes, name, told?.startsWith('application/vnd.') ? told : undefined);
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** Under its digest, then under the tag. Says whether the registry itself lists what it is attached to. */
export async function writeManifest(
  connection: Connection,
  manifest: StoredManifest,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly isListed: boolean }> {
  const { digest } = manifest.descriptor;
  const answer = await put(connection, manifest, digest, signal);
  if (tag !== undefined) await put(connection, manifest, tag, signal);
  return { isListed: answer.headers.has('oci-subject') };
}

async function put(
  connection: Connection,
  { descriptor, bytes }: StoredManifest,
  reference: string,
  signal: AbortSignal,
): Promise<Answer> {
  const what = `writing ${showPart(connection, reference)}`;
  return connection.patiently(what, signal, async () => {
    const answer = await connection.send(
      {
        method: 'PUT',
        to: `manifests/${reference}`,
        headers: { 'content-type': descriptor.mediaType },
        body: async () => bytes,
        writes: true,
      },
      signal,
    );
    if (answer.status < 200 || answer.status > 204) throw await whyNotPut(connection, answer, what, signal);
    await answer.drop();
    refuseOtherDigest(connection, descriptor.digest, answer);
    return answer;
  });
}

const missingCodes: readonly string[] = ['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN'];

async function whyNotPut(
  connection: Connection,
  answer: Answer,
  what: string,
  signal: AbortSignal,
): Promise<UserError> {
  const refusal = await readRefusal(answer);
  if (!refusal.codes.some((code) => missingCodes.includes(code)))
    return connection.refused(refusal, what, signal);
  return new PartMissing({
    code: 'registry_refused',
    message: `${connection.host} does not have all that belongs to it while ${what}: ${refusal.words}`,
    hint: 'run the same command again: what is missing is written again; if it stays so, the registry clears away what nothing names yet',
  });
}

function showPart({ repository }: Connection, reference: string): string {
  return digestSchema.safeParse(reference).success
    ? `${repository}@${reference}`
    : `${repository}:${reference}`;
}
