import type { Config } from '../../../../core/config.ts';
import { type Duration, toMs } from '../../../../core/duration.ts';
import { readTrusted, type SigningKey, signingKey } from '../../../../image/attest/keys.ts';
import { dockerCredentials } from '../../../../image/registry/credentials.ts';
import { openRepository } from '../../../../image/registry/repository.ts';
import { writeImage } from '../../../../image/write-image.ts';
import type { Cli, Result } from '../../../cli.ts';
import { buildTreeImage, type TreeImage } from '../../../image/build-tree-image.ts';
import { sayImage } from '../../../image/show-image.ts';
import { describeWritten, tellImage } from '../../../image/tell-image.ts';
import { tracedFetch } from '../../../image/traced-fetch.ts';
import { Interrupted } from '../../../interrupted.ts';
import type { ImagePushResult } from '../../../json.ts';
import { loadConfig } from '../../../load-config.ts';
import { type Revision, readRevision } from '../../../rollout/revision.ts';
import { runTests, type Tested } from '../../../rollout/run-tests.ts';
import { Board } from '../../../terminal/board.ts';
import { attachTo, prepareSbom } from './attach-to.ts';
import { type Destination, destinationOf } from './destination.ts';

export interface PushOptions {
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
}

/** What `image push` does, and what is left of it when Ctrl-C comes. */
export async function pushImage(cli: Cli, options: PushOptions): Promise<Result> {
  const board = new Board(cli.io, cli.err);
  const progress = { isPublished: false };
  try {
    return await push(cli, options, board, progress);
  } catch (thrown) {
    if (!cli.io.signal.aborted) throw thrown;
    const left = progress.isPublished
      ? 'the image is there, but SBOM, provenance and signature may be missing'
      : 'nothing was published';
    throw new Interrupted(left, 'causeway image push');
  } finally {
    board.close();
  }
}

/** The runbook: build; test beside the upload; publish; attach. */
async function push(
  cli: Cli,
  options: PushOptions,
  board: Board,
  progress: { isPublished: boolean },
): Promise<Result> {
  const { io } = cli;
  const startedAt = io.now();
  board.show('build', 'reading the config');
  const { config, folder } = await loadConfig({ cwd: io.cwd, file: cli.options.config });
  const destination = destinationOf(options, config);
  const trusted = await readTrusted(config.image.trust, folder);
  // Before anything is built, so that a key that cannot be used is told at once.
  const key = await signingKey({ env: io.env, trusted });

  const { emit } = tellImage(board, 'build');
  const [tree, revision] = await Promise.all([
    buildTreeImage({ config, folder, emit }, io),
    readRevision(folder, io),
  ]);
  board.end({ label: 'build', text: revision.shown, ms: io.now() - startedAt });
  sayImage(board, tree.image);

  const to = openRepository({
    reference: destination.reference,
    credentials: dockerCredentials({ env: io.env }),
    emit: tellImage(board, 'push').emit,
    ...(cli.options.verbose ? { fetch: tracedFetch((line) => board.below(line)) } : {}),
  });
  const parts = prepareSbom({ config, tree }, io);
  // Waited for below, where it is needed.
  parts.catch(() => {});
  const tested = await publish(cli, { config, folder, tree, destination, to, board });
  progress.isPublished = true;
  await attachTo(
    { config, tree, destination, revision, tested, trusted, key, to, board, startedAt, parts: await parts },
    io,
  );
  return resultOf({ config, destination, tree, revision, key });
}

interface Publication {
  readonly config: Config;
  readonly folder: string;
  readonly tree: TreeImage;
  readonly destination: Destination;
  readonly to: ReturnType<typeof openRepository>;
  readonly board: Board;
}

/** Blobs are sent while the tests run. Whichever fails first ends the other, and nothing is published. */
async function publish(
  cli: Cli,
  { config, folder, tree, destination, to, board }: Publication,
): Promise<Tested | undefined> {
  const { io } = cli;
  const startedAt = io.now();
  const failure = new AbortController();
  const signal = AbortSignal.any([io.signal, failure.signal]);
  const keep = (thrown: unknown) => {
    if (!failure.signal.aborted) failure.abort(thrown);
    throw thrown;
  };
  const run = {
    test: config.service.test,
    folder,
    deadline: longestDeadline(config),
    otherwise: 'nothing was published',
  };
  const tests = runTests(cli, run, board, signal).catch(keep);
  const { emit, written } = tellImage(board, 'push');
  const upload = writeImage({
    image: tree.image,
    to,
    tag: destination.tag,
    mayPublish: tests,
    emit,
    signal,
  }).catch(keep);
  const [tested] = await Promise.allSettled([tests, upload]);
  if (failure.signal.aborted) throw failure.signal.reason;
  const text = `${destination.name}: ${describeWritten(written())}`;
  board.end({ label: 'push', text, ms: io.now() - startedAt });
  return tested.status === 'fulfilled' ? tested.value : undefined;
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
}

function resultOf({ config, destination, tree, revision, key }: Pushed): Result {
  const { digest, artifact } = tree.image;
  const reference = `${destination.name}@${digest}`;
  const json: ImagePushResult = {
    reference,
    image: digest,
    artifact,
    revision: revision.shown,
    ...(destination.tag === undefined ? {} : { tag: destination.tag }),
    ...(key ? { signedBy: key.id } : {}),
  };
  return { json, lines: [reference], next: nextSteps(config, reference, key) };
}

function nextSteps(
  { environments }: Config,
  reference: string,
  key: SigningKey | undefined,
): readonly string[] {
  const [first = 'local'] = Object.keys(environments);
  const signed = Object.entries(environments).find(([, { signed }]) => signed)?.[0];
  const name = key ? (signed ?? first) : first;
  return [
    ...(key ? [`causeway image verify ${reference}`] : ['sign it from now on: causeway keys init']),
    `causeway deploy${name === 'local' ? '' : ` ${name}`} --image ${reference}`,
  ];
}
