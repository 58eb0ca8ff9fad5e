import type { Difference } from '../core/difference.ts';
import { toMs } from '../core/duration.ts';
import type { DeployRequest, Status } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Release } from '../core/release.ts';
import { type Outcome, rollOut } from '../core/roll-out.ts';
import type { Running } from '../core/rollout.ts';
import { replicasOf } from './cluster-config.ts';
import { findDrift } from './drift.ts';
import { type DriveOptions, driveRollout } from './drive-rollout.ts';
import { expectState } from './expect-state.ts';
import { renderRelease } from './manifests/render-release.ts';
import type { StoredRelease } from './store/stored-release.ts';
import { refuseWhileDown } from './target/lease.ts';
import { waitUntil } from './wait-until.ts';

export interface DeployOptions extends Omit<DriveOptions, 'by' | 'agentImage' | 'rendered'> {
  readonly request: DeployRequest;
  /** What differed before the same command put right what is its own, where it did. */
  readonly differed: readonly Difference[] | undefined;
  readonly status: (signal: AbortSignal) => Promise<Status>;
}

/** Rolls a release out. Where it serves already, waits until it is well, and tells what was put right. */
export async function deployRelease({
  request,
  differed,
  status,
  ...about
}: DeployOptions): Promise<Outcome> {
  const { release, pullFrom, agentImage, secrets, by, revision, signedBy, isAgain } = request;
  if (pullFrom === undefined) throw new Error(`release ${release.id} came without its repository`);
  const { api, place, store, config, signal } = about;
  const { desired, ...state } = await expectState(store, place, signal);
  await refuseWhileDown({ api, place, signal });
  const inUse = [desired.candidate?.secretSet, desired.stable?.secretSet];
  const secretSet = await store.storeSecrets(secrets, { inUse, isFresh: isAgain }, signal);
  const running: Running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
  const rendered = await publish(about, { release, pullFrom });
  const replicas = replicasOf(config);
  const asked = {
    kind: 'deploy',
    running,
    by,
    replicas,
    surge: config.surge,
    isAgain,
    mends: true,
    ...(revision === undefined ? {} : { revision }),
    ...(signedBy === undefined ? {} : { signedBy }),
  } as const;
  const isServing = desired.stable?.release.id === release.id && !desired.rollout && !isAgain;
  const before = isServing ? (differed ?? (await findDrift(about))) : [];
  const driven = { ...about, by, agentImage: agentImage ?? state.agentImage, rendered };
  const outcome = await driveRollout(driven, (context) => rollOut(context, asked));
  if (outcome.kind === 'unchanged') {
    await expectWell(about, status);
    if (before.length > 0) await tellMended(about, before);
  }
  return outcome;
}

type About = Omit<DeployOptions, 'request' | 'differed' | 'status'>;

/** Keeps the release as it is rendered now; one that was kept before stays as it was rendered then. */
async function publish(
  { place, store, config: { pullSecret }, signal }: About,
  { release, pullFrom }: { readonly release: Release; readonly pullFrom: string },
): Promise<StoredRelease> {
  const about = { release, pullFrom, place };
  const rendered = renderRelease({ ...about, ...(pullSecret === undefined ? {} : { pullSecret }) });
  return store.storeRelease(rendered, signal);
}

/** What serves already was put right where somebody had taken parts of it away: that takes as long as a start. */
async function expectWell(
  { place: { environment }, config, signal }: About,
  status: DeployOptions['status'],
): Promise<void> {
  let because: string | undefined;
  const startMs = toMs(config.deadlines.start);
  const isWell = await waitUntil(startMs, signal, async () => {
    ({ because } = await status(signal));
    return because === undefined;
  });
  if (isWell) return;
  throw new UserError({
    code: 'environment_degraded',
    message: `${environment} is degraded: ${because}`,
    hint: `causeway up ${environment} makes what is missing; causeway doctor ${environment} looks at the rest`,
  });
}

/** Of what differed before, that which does so no more; and what is left, which `deploy` does not make. */
async function tellMended(about: About, before: readonly Difference[]): Promise<void> {
  const { place, emit } = about;
  const left = await findDrift(about);
  const isLeft = ({ object, field }: Difference) =>
    left.some((one) => one.object === object && one.field === field);
  const differences = before.filter((one) => !isLeft(one));
  if (differences.length > 0) emit({ kind: 'mended', differences });
  if (left.length === 0) return;
  const objects = [...new Set(left.map(({ object }) => object))].join(', ');
  const message = `left as it differs: ${objects}`;
  const hint = `causeway drift ${place.environment} shows how, causeway up ${place.environment} puts it right`;
  emit({ kind: 'noted', notes: [{ isProblem: false, message, hint }] });
}
