import type { Config } from '../../../../core/config.ts';
import { type Duration, toMs } from '../../../../core/duration.ts';
import { readTrusted, type SigningKey, type TrustedKey } from '../../../../image/attest/keys.ts';
import { buildTreeImage, type TreeImage } from '../../../../image/build-tree-image.ts';
import { atEnvironment } from '../../../at-environment.ts';
import type { Cli, Result } from '../../../cli.ts';
import { asTyped, flag } from '../../../grammar/as-typed.ts';
import { chooseKey } from '../../../image/choose-key.ts';
import { type Destination, destinationOf } from '../../../image/destination.ts';
import { findUntrusted, howToSign, type UntrustedKey } from '../../../image/find-pairs.ts';
import { Progress } from '../../../image/progress.ts';
import { publishTree } from '../../../image/publish-tree.ts';
import { sayImage } from '../../../image/show-image.ts';
import { tellImage } from '../../../image/tell-image.ts';
import { traceRequests } from '../../../image/traced-fetch.ts';
import { Interrupted } from '../../../interrupted.ts';
import type { ImagePushResult } from '../../../json.ts';
import { loadConfig } from '../../../load-config.ts';
import { type Revision, readRevision } from '../../../rollout/revision.ts';
import { Board } from '../../../terminal/board.ts';

export interface PushOptions {
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
  /** Not signed, whatever the config trusts. */
  readonly isUnsigned: boolean;
}

/** What `image push` does, and what is left of it when Ctrl-C comes. */
export async function pushImage(cli: Cli, options: PushOptions): Promise<Result> {
  const board = new Board(cli.io, cli.err);
  const progress = new Progress();
  try {
    return await push(cli, options, board, progress);
  } catch (thrown) {
    if (!cli.io.signal.aborted) throw thrown;
    throw new Interrupted(progress.left, again(cli, options));
  } finally {
    board.close();
  }
}

function again({ options: { config } }: Cli, { repository, tag, isUnsigned }: PushOptions): string {
  const flags = [...flag('--tag', tag), isUnsigned && '--unsigned', ...flag('--config', config)];
  return asTyped('causeway image push', [repository, ...flags]);
}

/** The runbook: build; test beside the upload; publish; attach. */
async function push(cli: Cli, options: PushOptions, board: Board, progress: Progress): Promise<Result> {
  const { io } = cli;
  const { env, home, signal } = io;
  const startedAt = io.now();
  board.show('build', 'reading the config');
  const { config, folder } = await loadConfig(cli);
  const destination = destinationOf(options, config);
  const trusted = await readTrusted(config.image.trust, folder);
  // Before anything is built, so that a key that cannot be used is told at once.
  const key = await chooseKey({ trusted, isUnsigned: options.isUnsigned }, io);
  if (key) progress.expectSignature();

  const { emit } = tellImage(board, 'build');
  const traced = traceRequests(cli, board);
  const [tree, revision] = await Promise.all([
    buildTreeImage({ config, folder, env, home, emit, signal, ...traced }),
    readRevision(folder, io),
  ]);
  board.end({ label: 'build', text: revision.shown, ms: io.now() - startedAt });
  sayImage(board, tree.image);

  await publishTree(cli, {
    config,
    folder,
    tree,
    destination,
    revision,
    trusted,
    key,
    whyUnsigned: '--unsigned was given',
    deadline: longestDeadline(config),
    otherwise: 'nothing was published',
    board,
    progress,
    startedAt,
    signal,
  });
  const untrusted = await findUntrusted(trusted, folder, io);
  return resultOf({ config, destination, tree, revision, key, trusted, untrusted });
}

/** A push is for no environment of its own. */
function longestDeadline({ environments }: Config): Duration {
  const deadlines = Object.values(environments).map(({ deadlines: { test } }) => test);
  return deadlines.reduce((longest, each) => (toMs(each) > toMs(longest) ? each : longest));
}

interface Pushed {
  readonly config: Config;
  readonly destination: Destination;
  readonly tree: TreeImage;
  readonly revision: Revision;
  readonly key: SigningKey | undefined;
  readonly trusted: readonly TrustedKey[];
  readonly untrusted: readonly UntrustedKey[];
}

function resultOf(pushed: Pushed): Result {
  const { destination, tree, revision, key } = pushed;
  const { digest, artifact } = tree.image;
  const reference = `${destination.name}@${digest}`;
  const json: ImagePushResult = {
    reference,
    image: digest,
    artifact,
    revision: revision.shown,
    ...(destination.tag === undefined ? {} : { tag: destination.tag }),
    signedBy: key?.id ?? null,
  };
  return { json, lines: [reference], next: nextSteps(pushed, reference) };
}

/** A reference is longer than most lines, and is written once. */
function nextSteps({ config, key, trusted, untrusted }: Pushed, reference: string): readonly string[] {
  const name = takerOf(config, key !== undefined);
  const sign = trusted.length === 0 ? [`to sign it: ${howToSign([], untrusted)}`] : [];
  return [
    ...(key ? [`causeway image verify ${reference}`] : sign),
    ...(name === undefined
      ? []
      : [
          `${key ? 'then ' : ''}causeway deploy${atEnvironment(name)} --image ${key ? '<that image>' : reference}`,
        ]),
  ];
}

/** The environment to deploy it to: the first that asks for signatures, where it has one. */
function takerOf({ environments }: Config, isSigned: boolean): string | undefined {
  const all = Object.entries(environments);
  const open = all.find(([, { signed }]) => !signed)?.[0];
  return isSigned ? (all.find(([, { signed }]) => signed)?.[0] ?? open) : open;
}
