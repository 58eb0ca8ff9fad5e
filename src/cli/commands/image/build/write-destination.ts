import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Platform } from '../../../../core/config.ts';
import { UserError } from '../../../../core/errors.ts';
import { shortId } from '../../../../core/release.ts';
import type { Image } from '../../../../image/image.ts';
import { openLayout } from '../../../../image/layout.ts';
import { writeImage } from '../../../../image/write-image.ts';
import { onlyPlatform } from '../../../image/image-content.ts';
import { readBuilt } from '../../../image/read-built.ts';
import { describeWritten, tellImage } from '../../../image/tell-image.ts';
import type { Io } from '../../../io.ts';
import type { Board } from '../../../terminal/board.ts';

/** Where an image is written to: a layout folder, or a tar where the name ends so. */
export interface Destination {
  /** Absolute. */
  readonly path: string;
  /** As the user wrote it. */
  readonly shown: string;
  /** Of a tar. Default: this machine's. */
  readonly platform: Platform | undefined;
}

interface Writing {
  readonly image: Image;
  readonly project: string;
  readonly destination: Destination;
  readonly board: Board;
}

/** Writes it and says what may be done with it. */
export async function writeDestination(
  writing: Writing,
  io: Pick<Io, 'signal' | 'now'>,
): Promise<readonly string[]> {
  return writing.destination.path.endsWith('.tar') ? writeTar(writing, io) : writeLayout(writing, io);
}

async function writeLayout(
  { image, destination, board }: Writing,
  { signal, now }: Pick<Io, 'signal' | 'now'>,
): Promise<readonly string[]> {
  const { path, shown } = destination;
  const { emit, written } = tellImage(board, 'write');
  const startedAt = now();
  board.show('write', shown);
  const to = openLayout(path, { create: true });
  await writeImage({ image, to, emit, signal });
  board.end({ label: 'write', text: `${shown}: ${describeWritten(written())}`, ms: now() - startedAt });
  return [`causeway image inspect ${pathOf(shown)}`, `skopeo inspect oci:${shown}`];
}

async function writeTar(
  { image, project, destination, board }: Writing,
  { signal, now }: Pick<Io, 'signal' | 'now'>,
): Promise<readonly string[]> {
  const { path, shown, platform = ownPlatform() } = destination;
  const { packDockerArchive } = await import('../../../../image/docker-archive.ts');
  const tag = `${project}:${shortId(image.digest)}`;
  const startedAt = now();
  board.show('write', shown);
  const reader = readBuilt(onlyPlatform(image, platform));
  const tar = packDockerArchive({ reader, digest: image.digest, platform, tag, signal });
  await writeWhole(tar, path, shown, signal);
  board.end({ label: 'write', text: `${shown}: ${tag} for ${platform}`, ms: now() - startedAt });
  return [`docker load --input ${shown}`, `docker run --rm --publish 8080:8080 ${tag}`];
}

/** The file is there whole, or not at all. */
async function writeWhole(
  content: ReadableStream<Uint8Array>,
  path: string,
  shown: string,
  signal: AbortSignal,
): Promise<void> {
  const part = `${path}.${Bun.randomUUIDv7()}.part`;
  try {
    const file = createWriteStream(part, { flags: 'wx' });
    await pipeline(Readable.fromWeb(content), file, { signal });
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {});
    if (!isOfTheSystem(cause)) throw cause;
    throw new UserError({
      code: 'image_not_writable',
      message: `${shown} could not be written: ${cause.message}`,
      hint: 'give --output a path in a folder that is there, may be written and has room',
      cause,
    });
  }
}

function isOfTheSystem(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && 'code' in thrown && 'syscall' in thrown;
}

/** Of this machine's architecture; engines elsewhere run Linux, too. */
function ownPlatform(): Platform {
  return arch() === 'arm64' ? 'linux/arm64' : 'linux/amd64';
}

/** So that it cannot be taken for a name in a registry. */
function pathOf(shown: string): string {
  return /^\.{0,2}\//.test(shown) ? shown : `./${shown}`;
}
