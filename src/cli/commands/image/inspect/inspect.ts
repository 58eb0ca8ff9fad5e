import { UserError } from '../../../../core/errors.ts';
import { shortId } from '../../../../core/release.ts';
import { type Attachments, readAttachments } from '../../../../image/attest/attachments.ts';
import type { Provenance } from '../../../../image/attest/provenance.ts';
import type { Sbom } from '../../../../image/attest/sbom.ts';
import { type ReadImage, type ReadPlatform, readImage } from '../../../../image/read-image.ts';
import type { Cli, Result } from '../../../cli.ts';
import { describeSource } from '../../../image/describe-source.ts';
import { type NamedImage, openNamed } from '../../../image/open-named.ts';
import { showBytes } from '../../../image/show-bytes.ts';
import { tellImage } from '../../../image/tell-image.ts';
import { traceRequests } from '../../../image/traced-fetch.ts';
import type { ImageInspectResult } from '../../../json.ts';
import { Board } from '../../../terminal/board.ts';
import { count } from '../../../terminal/count.ts';
import { renderBelow, renderStep } from '../../../terminal/step-line.ts';
import type { Style } from '../../../terminal/style.ts';

/** What an image says of itself; one of its documents alone where that is asked for. */
export async function inspectImage(
  cli: Cli,
  text: string,
  only: 'sbom' | 'provenance' | undefined,
): Promise<Result> {
  const { io } = cli;
  const board = new Board(io, cli.err);
  try {
    board.show('inspect', text);
    const { emit } = tellImage(board, 'inspect');
    const named = await openNamed(text, { emit, ...traceRequests(cli, board), needsDigest: false }, io);
    const from = { from: named.reader, digest: named.digest, signal: io.signal };
    const attachments = await readAttachments(from);
    if (only) return documentOf(attachments[only], only, named);
    return describe(named, await readImage(from), attachments, cli.out);
  } finally {
    board.close();
  }
}

function documentOf(
  document: Sbom | Provenance | undefined,
  what: 'sbom' | 'provenance',
  { shown }: NamedImage,
): Result {
  if (document) return { json: document, lines: JSON.stringify(document, null, 2).split('\n') };
  throw new UserError({
    code: 'image_not_found',
    message: `${shown} has no ${what === 'sbom' ? 'SBOM' : 'provenance'} attached to it`,
    hint: 'causeway image push attaches one; a tag or a copy without referrers leaves it behind',
  });
}

function describe(named: NamedImage, image: ReadImage, attachments: Attachments, style: Style): Result {
  const base = baseOf(image);
  const revision = describeSource(attachments.provenance);
  const components = attachments.sbom?.components.length;
  const json: ImageInspectResult = {
    name: named.shown,
    image: named.digest,
    ...(image.artifact === undefined ? {} : { artifact: image.artifact }),
    ...(base ? { base } : {}),
    platforms: image.platforms.map(platformJson),
    ...(revision === undefined ? {} : { revision }),
    ...(components === undefined ? {} : { components }),
    hasProvenance: attachments.provenance !== undefined,
    signatures: attachments.signatures,
  };
  return {
    json,
    lines: showInspection(json, style),
    ...(json.signatures > 0 ? { next: [`causeway image verify ${named.reader.name}@${named.digest}`] } : {}),
  };
}

/** As its labels say it; a base of ours is the same for all platforms, and has no name where it was a folder. */
function baseOf({ platforms }: ReadImage): ImageInspectResult['base'] {
  const labels = platforms[0]?.config.config?.Labels ?? {};
  const name = labels['org.opencontainers.image.base.name'];
  const digest = labels['org.opencontainers.image.base.digest'];
  return digest === undefined ? undefined : { ...(name === undefined ? {} : { name }), digest };
}

function platformJson({ platform, digest, manifest, config }: ReadPlatform) {
  const { Entrypoint, Cmd, User } = config.config ?? {};
  return {
    platform,
    digest,
    layers: manifest.layers.length,
    size: manifest.layers.reduce((sum, { size }) => sum + size, 0),
    entrypoint: Entrypoint ?? [],
    command: Cmd ?? [],
    ...(User ? { user: User } : {}),
  };
}

function showInspection(image: ImageInspectResult, style: Style): readonly string[] {
  const line = (label: string, text: string) => renderStep({ label, text }, style);
  const { base, platforms, revision, components, hasProvenance, signatures } = image;
  const [first] = platforms;
  return [
    line('image', image.name),
    line('digest', image.image),
    line('artifact', image.artifact ?? 'none: Causeway did not make this image'),
    ...(base ? [line('base', `${base.name ? `${base.name} at ` : ''}${shortId(base.digest)}`)] : []),
    ...(first ? [line('runs', runsText(first))] : []),
    ...platforms.flatMap(({ platform, digest, layers, size }) =>
      renderBelow(`${platform}  ${shortId(digest)}  ${count(layers, 'layer')}, ${showBytes(size)}`, style),
    ),
    line('source', sourceText(revision, hasProvenance)),
    line('sbom', components === undefined ? 'none' : `${count(components, 'component')}; --sbom prints it`),
    line('signed', signatures === 0 ? 'no' : `${count(signatures, 'signature')}, not checked here`),
  ];
}

function runsText({ entrypoint, command, user }: ImageInspectResult['platforms'][number]): string {
  const words = [...entrypoint, ...command].join(' ') || 'nothing';
  return `${words}${user ? ` as ${user}` : ''}`;
}

function sourceText(revision: string | undefined, hasProvenance: boolean): string {
  if (!hasProvenance) return 'no provenance';
  return `${revision ?? 'no commit'}; --provenance prints the rest`;
}
