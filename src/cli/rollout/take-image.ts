import { settingsOf, usesImages } from '../../core/config.ts';
import { makeRelease, shortId } from '../../core/release.ts';
import { readAttachments } from '../../image/attest/attachments.ts';
import { readTrusted, shortKey } from '../../image/attest/keys.ts';
import { refuseUnverified, type Verification } from '../../image/attest/verify.ts';
import { storedContent } from '../../image/image-content.ts';
import { readArtifact, readImage } from '../../image/read-image.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import { describeSource } from '../image/describe-source.ts';
import { type NamedImage, openNamed } from '../image/open-named.ts';
import { tellImage } from '../image/tell-image.ts';
import { traceRequests } from '../image/traced-fetch.ts';
import { verifyNamed } from '../image/verify-named.ts';
import type { Io } from '../io.ts';
import type { Board } from '../terminal/board.ts';
import type { NewRelease } from './build-release.ts';

type Parts = Pick<Chosen, 'config' | 'environmentConfig' | 'folder'>;
type World = Pick<Io, 'env' | 'cwd' | 'signal'>;

/**
 * The release that an image makes in an environment, whoever built it; where the environment asks for
 * signatures, it is verified before anything else. Its settings are those of the config here.
 */
export async function takeImage(
  text: string,
  parts: Parts,
  cli: Pick<Cli, 'options'> & { readonly io: World },
  board: Board,
): Promise<NewRelease> {
  const { io } = cli;
  const { emit } = tellImage(board, 'image');
  board.show('image', text);
  const named = await openNamed(text, { emit, ...traceRequests(cli, board), needsDigest: true }, io);
  const verification = parts.environmentConfig.signed
    ? await verifySigned(named, parts, io, board)
    : undefined;
  const isContainer = usesImages(parts.environmentConfig);
  const taken = isContainer
    ? {
        ...(await takeContainer(named, io)),
        image: storedContent(named.reader, named.digest, emit),
        ...placeOf(named),
      }
    : await takeProcess(named, io);
  board.end({ label: 'image', text: `${shortId(named.digest)}  ${named.reader.name}` });
  if (!isContainer)
    board.below('its artifact runs as processes, on this machine’s runtime and not on its base');
  const settings = settingsOf(parts.config, parts.environmentConfig);
  const { made, ...content } = taken;
  return {
    ...content,
    ...(verification ? { signedBy: verification.signers.map(({ id }) => shortKey(id)) } : {}),
    release: makeRelease({ ...made, settings }),
    revision: await revisionOf(named, verification, io),
  };
}

async function verifySigned(
  named: NamedImage,
  { config, folder }: Parts,
  io: World,
  board: Board,
): Promise<Verification> {
  const trusted = await readTrusted(config.image.trust, folder);
  const verification = await verifyNamed(named, { trusted, board }, io);
  refuseUnverified(verification);
  return verification;
}

/** Processes run what lies in the application layer; an image without one of ours is refused. */
async function takeProcess({ reader, digest }: NamedImage, { signal }: World) {
  const { artifact, command } = await readArtifact({ from: reader, digest, signal });
  return { made: { artifact: artifact.digest, command: [...command] }, artifact };
}

/** A brought image is its own artifact, and starts as it says itself: it is given no command. */
async function takeContainer({ reader, digest }: NamedImage, { signal }: World) {
  const { artifact, platforms } = await readImage({ from: reader, digest, signal });
  const command = artifact === undefined ? [] : (platforms[0]?.config.config?.Cmd ?? []);
  return { made: { artifact: artifact ?? digest, image: digest, command: [...command] } };
}

/** Where nodes pull it from; a layout is pushed first. */
function placeOf({ reader, digest, repository }: NamedImage): Pick<NewRelease, 'pullFrom' | 'unpushed'> {
  if (repository !== undefined) return { pullFrom: repository };
  return { unpushed: { kind: 'layout', from: reader, digest } };
}

/**
 * What its provenance says, for the record. Where nothing was verified, anybody who may write to the repository
 * can have attached that, and so it is told.
 */
async function revisionOf(
  { reader, digest }: NamedImage,
  verification: Verification | undefined,
  { signal }: World,
): Promise<string> {
  const { provenance } = verification ?? (await readAttachments({ from: reader, digest, signal }));
  const source = describeSource(provenance);
  if (source === undefined) return `image ${shortId(digest)}`;
  return verification ? source : `${source}, unverified`;
}
