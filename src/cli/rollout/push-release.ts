import { readTrusted, type SigningKey, signingKey, type TrustedKey } from '../../image/attest/keys.ts';
import { dockerCredentials } from '../../image/registry/credentials.ts';
import { openRepository } from '../../image/registry/repository.ts';
import { copyImage } from '../../image/write-image.ts';
import type { Chosen } from '../choose-environment.ts';
import type { Cli } from '../cli.ts';
import type { Destination } from '../image/destination.ts';
import { Progress } from '../image/progress.ts';
import { publishTree } from '../image/publish-tree.ts';
import { describeWritten, tellImage } from '../image/tell-image.ts';
import { traceRequests } from '../image/traced-fetch.ts';
import type { Board } from '../terminal/board.ts';
import type { Unpushed } from './build-release.ts';
import type { Tested } from './run-tests.ts';

interface Push {
  readonly unpushed: Unpushed;
  readonly destination: Destination;
  /** Its tests have passed already. */
  readonly tested?: Tested;
  readonly board: Board;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/**
 * Puts the image of a release where nodes pull it from, as `image push` does: of a tree once its tests have passed. What
 * is there already is not sent again.
 */
export async function pushRelease(cli: Cli, chosen: Chosen, push: Push): Promise<void> {
  const { unpushed } = push;
  if (unpushed.kind === 'layout') return pushLayout(cli, unpushed, push);
  const { config, folder, environmentConfig } = chosen;
  const trusted = await readTrusted(config.image.trust, folder);
  await publishTree(cli, {
    ...push,
    ...unpushed,
    config,
    folder,
    trusted,
    key: await keyAmong(trusted, cli),
    whyUnsigned: 'the private half of no trusted key is here',
    deadline: environmentConfig.deadlines.test,
    otherwise: 'nothing was rolled out',
    progress: new Progress(),
  });
}

/** Where no signature is asked for, an image without one is no fault. */
async function keyAmong(
  trusted: readonly TrustedKey[],
  { io }: Pick<Cli, 'io'>,
): Promise<SigningKey | undefined> {
  const key = await signingKey({ env: io.env, trusted });
  return trusted.some(({ id }) => id === key?.id) ? key : undefined;
}

async function pushLayout(
  cli: Cli,
  { from, digest }: Extract<Unpushed, { kind: 'layout' }>,
  { destination, board, signal }: Push,
): Promise<void> {
  const { io } = cli;
  const startedAt = io.now();
  const { emit, written } = tellImage(board, 'push');
  board.show('push', destination.name);
  const to = openRepository({
    reference: destination.reference,
    credentials: destination.credentials ?? dockerCredentials({ env: io.env }),
    emit,
    ...traceRequests(cli, board),
  });
  await copyImage({ from, digest, to, hasReferrers: true, emit, signal });
  const text = `${destination.name}: ${describeWritten(written())}`;
  board.end({ label: 'push', text, ms: io.now() - startedAt });
}
