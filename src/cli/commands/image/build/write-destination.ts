import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { arch } from 'node:os';
import { dirname } from 'node:path';
import type { Platform } from '../../../../core/platform.ts';
import { shortId } from '../../../../core/release.ts';
import type { Image } from '../../../../image/image.ts';
import { onlyPlatform } from '../../../../image/image-content.ts';
import { openLayout } from '../../../../image/layout.ts';
import { readBuilt } from '../../../../image/read-built.ts';
import { errorCode, withWriteErrors, writeWhole } from '../../../../image/write-file.ts';
import { writeImage } from '../../../../image/write-image.ts';
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
  /** Where the service listens in a container. */
  readonly port: number;
  readonly destination: Destination;
  readonly board: Board;
}

/** Before anything is built, which may take long: the nearest folder that is there must take what is written. */
export async function expectWritable({ path, shown }: Destination): Promise<void> {
  await withWriteErrors(shown, elsewhere, () => findWritable(path));
}

async function findWritable(path: string): Promise<void> {
  try {
    await access(path, constants.W_OK);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await findWritable(dirname(path));
  }
}

const elsewhere = 'give --output another path, to a folder that may be written and has room';

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
  const named = pathOf(shown);
  return [
    `causeway image inspect ${named}`,
    `causeway deploy --image ${named}`,
    `skopeo inspect oci:${shown}`,
  ];
}

async function writeTar(
  { image, project, port, destination, board }: Writing,
  { signal, now }: Pick<Io, 'signal' | 'now'>,
): Promise<readonly string[]> {
  const { path, shown, platform = ownPlatform() } = destination;
  const { packDockerArchive } = await import('../../../../image/docker-archive.ts');
  const tag = `${project}:${shortId(image.digest)}`;
  const startedAt = now();
  board.show('write', shown);
  const reader = readBuilt(onlyPlatform(image, platform));
  const tar = packDockerArchive({ reader, digest: image.digest, platform, tag, signal });
  await withWriteErrors(shown, elsewhere, (reading) => writeWhole(path, reading(tar), signal));
  board.end({ label: 'write', text: `${shown}: ${tag} for ${platform}`, ms: now() - startedAt });
  return [`docker load --input ${shown}`, `docker run --rm --publish 8080:${port} ${tag}`];
}

/** Of this machine's architecture; engines elsewhere run Linux, too. */
function ownPlatform(): Platform {
  return arch() === 'arm64' ? 'linux/arm64' : 'linux/amd64';
}

/** So that it cannot be taken for a name in a registry. */
function pathOf(shown: string): string {
  return /^\.{0,2}\//.test(shown) ? shown : `./${shown}`;
}
