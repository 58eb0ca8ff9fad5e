import { resolve } from 'node:path';
import { UserError } from '../../../../core/errors.ts';
import { platforms } from '../../../../core/platform.ts';
import { buildTreeImage } from '../../../../image/build-tree-image.ts';
import type { Cli, Result } from '../../../cli.ts';
import { asTyped, flag } from '../../../grammar/as-typed.ts';
import { oneOf } from '../../../grammar/parse-flag.ts';
import { sayImage, sizesOf } from '../../../image/show-image.ts';
import { tellImage } from '../../../image/tell-image.ts';
import { traceRequests } from '../../../image/traced-fetch.ts';
import { Interrupted } from '../../../interrupted.ts';
import type { ImageBuildResult } from '../../../json.ts';
import { loadConfig } from '../../../load-config.ts';
import { readRevision } from '../../../rollout/revision.ts';
import { Board } from '../../../terminal/board.ts';
import { type Destination, expectWritable, writeDestination } from './write-destination.ts';

export interface BuildOptions {
  readonly output?: string | undefined;
  readonly platform?: string | undefined;
}

/** What `image build` does, and what is left of it when Ctrl-C comes. */
export async function showBuild(cli: Cli, options: BuildOptions): Promise<Result> {
  const destination = destinationOf(cli, options);
  const board = new Board(cli.io, cli.err);
  try {
    return await build(cli, destination, board);
  } catch (thrown) {
    if (!cli.io.signal.aborted || thrown instanceof Interrupted) throw thrown;
    throw new Interrupted('no image was written', again(cli, options));
  } finally {
    board.close();
  }
}

function again({ options: { config } }: Cli, { output, platform }: BuildOptions): string {
  const flags = [...flag('--output', output), ...flag('--platform', platform), ...flag('--config', config)];
  return asTyped('causeway image build', flags);
}

function destinationOf({ io }: Cli, { output, platform }: BuildOptions): Destination | undefined {
  if (platform !== undefined && !output?.endsWith('.tar')) {
    throw new UserError({
      code: 'usage_wrong',
      message: `--platform ${platform} goes with --output of a .tar alone: all else holds every platform`,
      hint: `leave it out, or write --output image.tar --platform ${platform}`,
    });
  }
  if (output === undefined) return undefined;
  const named = platform === undefined ? undefined : oneOf('--platform', platforms)(platform);
  return { path: resolve(io.cwd, output), shown: output, platform: named };
}

async function build(cli: Cli, destination: Destination | undefined, board: Board): Promise<Result> {
  const { io } = cli;
  const startedAt = Number(io.env.CAUSEWAY_STARTED_AT) || io.now();
  board.show('build', 'reading the config');
  if (destination) await expectWritable(destination);
  const { config, folder } = await loadConfig(cli);
  const { env, home, signal } = io;
  const { emit } = tellImage(board, 'build');
  const tree = { config, folder, env, home, emit, signal, ...traceRequests(cli, board) };
  const [{ image }, { shown }] = await Promise.all([buildTreeImage(tree), readRevision(folder, io)]);
  board.end({ label: 'build', text: shown, ms: io.now() - startedAt });
  sayImage(board, image);

  const next = destination
    ? await writeDestination(
        { image, project: config.project, port: config.service.port, destination, board },
        io,
      )
    : nextSteps(config.image.repository);
  const json: ImageBuildResult = {
    image: image.digest,
    artifact: image.artifact,
    revision: shown,
    platforms: image.platforms.map((one) => ({
      platform: one.platform,
      digest: one.manifest.descriptor.digest,
      ...sizesOf(one),
    })),
    ...(destination ? { output: destination.shown } : {}),
  };
  return { json, lines: [image.digest], next };
}

function nextSteps(repository: string | undefined): readonly string[] {
  const push = repository === undefined ? 'causeway image push <repository>' : 'causeway image push';
  return [push, 'causeway image build --output ./out'];
}
