import { UserError } from '../../core/errors.ts';
import { corrupt } from '../corrupt.ts';
import type { Descriptor } from '../oci.ts';
import type { BlobContent } from '../store.ts';
import type { Connection } from './connection.ts';
import type { Answer } from './exchange.ts';
import { Fault } from './fault.ts';
import { parseReference } from './reference.ts';
import { readRefusal } from './refusal.ts';
import { refuseOtherDigest } from './told-digest.ts';

/** Writes a blob that is not there yet: mounted from where the registry has it, or in one piece. */
export async function writeBlob(
  connection: Connection,
  content: BlobContent,
  signal: AbortSignal,
): Promise<'present' | 'mounted' | 'written'> {
  const { descriptor } = content;
  const what = writing(descriptor, connection);
  let wasSent = false;
  return connection.patiently(what, signal, async () => {
    // What a cut connection left unanswered may have arrived all the same.
    if (await isThere(connection, descriptor, signal)) return wasSent ? 'written' : 'present';
    const upload = await begin(connection, content, signal);
    if (upload === 'mounted') return 'mounted';
    wasSent = true;
    await sendWhole(connection, content, upload, signal);
    return 'written';
  });
}

function writing({ digest }: Descriptor, { repository }: Connection): string {
  return `writing ${digest} to ${repository}`;
}

async function isThere(
  connection: Connection,
  { digest, size }: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await connection.send({ method: 'HEAD', to: `blobs/${digest}`, writes: true }, signal);
  if (answer.status === 404) return false;
  if (answer.status !== 200)
    throw await connection.refusal(answer, `writing to ${connection.repository}`, signal);
  const told = answer.headers.get('content-length');
  return told === null || Number(told) === size;
}

/** Where the bytes are to be sent to, unless the registry took the blob over from another repository. */
async function begin(
  connection: Connection,
  content: BlobContent,
  signal: AbortSignal,
): Promise<URL | 'mounted'> {
  const from = repositoryOf(content, connection);
  const mounted = from === undefined ? undefined : await mount(connection, content.descriptor, from, signal);
  if (mounted !== undefined) return mounted;
  const answer = await connection.send({ method: 'POST', to: 'blobs/uploads/', writes: true }, signal);
  if (answer.status !== 202)
    throw await connection.refusal(answer, `writing to ${connection.repository}`, signal);
  await answer.drop();
  return connection.locationOf(answer);
}

/** A registry that cannot, or does not let us, begins an upload instead, or says something that does not matter. */
async function mount(
  connection: Connection,
  { digest }: Descriptor,
  from: string,
  signal: AbortSignal,
): Promise<URL | 'mounted' | undefined> {
  const query = new URLSearchParams({ mount: digest, from });
  const answer = await connection
    .send({ method: 'POST', to: `blobs/uploads/?${query}`, writes: true, alsoReads: from }, signal)
    .catch(letGoIfRefused);
  if (answer === undefined) return undefined;
  await answer.drop();
  if (answer.status === 201) return 'mounted';
  return answer.status === 202 ? connection.locationOf(answer) : undefined;
}

/** Some token servers give no token at all where one of its repositories is not ours to read. */
function letGoIfRefused(error: unknown): undefined {
  if (error instanceof UserError && error.code === 'registry_refused') return undefined;
  throw error;
}

function repositoryOf({ isIn }: BlobContent, { host, repository }: Connection): string | undefined {
  if (isIn === undefined) return undefined;
  const other = parseReference(isIn);
  return other.host === host && other.repository !== repository ? other.repository : undefined;
}

async function sendWhole(
  connection: Connection,
  content: BlobContent,
  upload: URL,
  signal: AbortSignal,
): Promise<void> {
  const { descriptor } = content;
  const to = new URL(upload);
  to.searchParams.append('digest', descriptor.digest);
  const answer = await connection.send(
    {
      method: 'PUT',
      to,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
      body: async () => bodyOf(descriptor, await content.open(signal)),
      writes: true,
    },
    signal,
  );
  await refuseUnlessTaken(connection, descriptor, answer, signal);
}

/** A file is streamed, and never held whole. */
async function bodyOf(
  { digest, size }: Descriptor,
  source: { readonly path: string } | { readonly bytes: Uint8Array },
): Promise<Uint8Array | ReadableStream<Uint8Array>> {
  const found = 'bytes' in source ? source.bytes.length : Bun.file(source.path).size;
  if (found !== size) {
    throw corrupt(
      'path' in source ? source.path : digest,
      `has ${found} bytes, and not the ${size} of ${digest}`,
    );
  }
  return 'bytes' in source ? source.bytes : Bun.file(source.path).stream();
}

async function refuseUnlessTaken(
  connection: Connection,
  descriptor: Descriptor,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  const { digest } = descriptor;
  if (answer.status === 201 || answer.status === 204) {
    await answer.drop();
    return refuseOtherDigest(connection, digest, answer);
  }
  if (answer.status === 404 || answer.status === 416) {
    const { words } = await readRefusal(answer);
    throw new Fault(`lost the upload: ${words}`);
  }
  const refusal = await readRefusal(answer);
  if (refusal.codes.includes('DIGEST_INVALID')) {
    throw corrupt(digest, `does not fit the bytes that were sent to ${connection.name}: ${refusal.words}`);
  }
  throw await connection.refused(refusal, writing(descriptor, connection), signal);
}
