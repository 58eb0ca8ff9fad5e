import type { Config } from '../../core/config.ts';
import type { Duration } from '../../core/duration.ts';
import type { SigningKey, TrustedKey } from '../../image/attest/keys.ts';
import type { TreeImage } from '../../image/build-tree-image.ts';
import type { Image } from '../../image/image.ts';
import { dockerCredentials } from '../../image/registry/credentials.ts';
import { openRepository } from '../../image/registry/repository.ts';
import type { ImageWriter } from '../../image/store.ts';
import { writeImage } from '../../image/write-image.ts';
import type { Cli } from '../cli.ts';
import type { Revision } from '../rollout/revision.ts';
import { runTests, type Tested } from '../rollout/run-tests.ts';
import type { Board } from '../terminal/board.ts';
import { attachTo, type Parts, prepareSbom } from './attach-to.ts';
import type { Destination } from './destination.ts';
import type { Progress } from './progress.ts';
import { describeWritten, tellImage } from './tell-image.ts';
import { traceRequests } from './traced-fetch.ts';

export interface TreePublication {
  readonly config: Config;
  readonly folder: string;
  readonly tree: TreeImage;
  readonly destination: Destination;
  readonly revision: Revision;
  readonly trusted: readonly TrustedKey[];
  readonly key: SigningKey | undefined;
  /** Why it is not signed, where keys are trusted and none is given. */
  readonly whyUnsigned: string;
  /** Its tests have passed already; without it they are run. */
  readonly tested?: Tested;
  /** For the tests. */
  readonly deadline: Duration;
  /** What is not done if they fail: `nothing was published`. */
  readonly otherwise: string;
  readonly board: Board;
  readonly progress: Progress;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/** Tests a tree, publishes its image once the tests have passed, and attaches SBOM, provenance and signature. */
export async function publishTree(
  cli: Pick<Cli, 'io' | 'options'>,
  publication: TreePublication,
): Promise<void> {
  const { destination, board, signal } = publication;
  const { io } = cli;
  const to = openRepository({
    reference: destination.reference,
    credentials: destination.credentials ?? dockerCredentials({ env: io.env }),
    emit: tellImage(board, 'push').emit,
    ...traceRequests(cli, board),
  });
  const published = await publish(cli, publication, to);
  await attachTo({ ...publication, ...published, to }, { now: io.now, signal });
}

interface Published {
  readonly tested: Tested | undefined;
  readonly parts: Parts;
}

/**
 * Blobs are sent while the tests run and the SBOM is made. Whichever fails first ends the others, and nothing is
 * published.
 */
async function publish(
  cli: Pick<Cli, 'io' | 'options'>,
  publication: TreePublication,
  to: ImageWriter,
): Promise<Published> {
  const { config, folder, tree, destination, deadline, otherwise, board, progress } = publication;
  const { io } = cli;
  const startedAt = io.now();
  const failure = new AbortController();
  const signal = AbortSignal.any([publication.signal, failure.signal]);
  const keep = (thrown: unknown) => {
    if (!failure.signal.aborted) failure.abort(thrown);
    throw thrown;
  };
  const run = { test: config.service.test, folder, deadline, otherwise };
  const tests = publication.tested
    ? Promise.resolve(publication.tested)
    : runTests(cli, run, board, signal).catch(keep);
  const sbom = prepareSbom({ config, tree }, { home: io.home, signal }).catch(keep);
  const ready = Promise.all([tests, sbom]);
  let isTesting = publication.tested === undefined && config.service.test !== undefined;
  const over = () => {
    isTesting = false;
  };
  void tests.then(over, over);
  const { emit, written } = tellImage(board, 'push');
  const total = countBlobs(tree.image);
  const upload = writeImage({
    image: tree.image,
    to,
    tag: destination.tag,
    mayPublish: ready,
    emit: progress.watch((event) => {
      emit(event);
      const { blobs, mounted, present } = written();
      const done = blobs + mounted + present;
      if (event.kind === 'written' && done === total && isTesting)
        board.show('push', `${done} of ${total} blobs, waiting for the tests`);
    }),
    signal,
  }).catch(keep);
  await Promise.allSettled([tests, sbom, upload]);
  if (failure.signal.aborted) throw failure.signal.reason;
  const text = `${destination.name}: ${describeWritten(written())}`;
  board.end({ label: 'push', text, ms: io.now() - startedAt });
  const [tested, parts] = await ready;
  return { tested, parts };
}

function countBlobs({ platforms }: Image): number {
  const blobs = platforms.flatMap(({ layers, configBlob }) => [
    ...layers.map(({ descriptor }) => descriptor),
    configBlob.descriptor,
  ]);
  return new Set(blobs.map(({ digest }) => digest)).size;
}
