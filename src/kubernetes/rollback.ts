import type { RollbackRequest } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import { findReturn, refuseWithoutSecrets } from '../core/return-to.ts';
import { type Outcome, rollOut } from '../core/roll-out.ts';
import type { Running } from '../core/rollout.ts';
import { replicasOf } from './cluster-config.ts';
import { type DriveOptions, driveRollout } from './drive-rollout.ts';
import { awaitOther, endOther } from './end-other.ts';
import { expectState } from './expect-state.ts';

export interface RollbackOptions extends Omit<DriveOptions, 'by' | 'agentImage' | 'rendered'> {
  readonly request: RollbackRequest;
}

/**
 * Returns to a release that was good here. A rollback to it that is under way is gone on with, or waited for where another
 * drives it. Another rollout is ended first; without `to`, that is all.
 */
export async function rollBack({ request, ...about }: RollbackOptions): Promise<Outcome> {
  const { to, trusted, by } = request;
  const { place, store, config, signal } = about;
  const state = await expectState(store, place, signal);
  const driven = { ...about, by, agentImage: state.agentImage };
  const { rollout } = state.desired;
  const isThatWay = rollout?.kind === 'rollback' && rollout.release.startsWith(to ?? '');
  if (rollout && !isThatWay) {
    const ended = await endOther({ ...about, rollout, by }, (takeOut) => driveRollout(driven, takeOut));
    if (to === undefined || ended.kind === 'unknown') return ended;
  }
  const { desired } = await expectState(store, place, signal);
  const { stable } = desired;
  const release = await findReturn({
    environment: place.environment,
    records: await store.history.list(),
    stable: stable?.release.id,
    to,
    trusted,
    read: async (id) => (await store.readRelease(id, signal))?.release,
  });
  const secretSet = release.settings.secrets.length === 0 ? undefined : stable?.secretSet;
  const held = secretSet === undefined ? {} : await store.readSecrets(secretSet, signal);
  refuseWithoutSecrets(release, held ?? {}, place.environment);
  const running: Running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
  const replicas = replicasOf(config);
  const drive = () =>
    driveRollout(driven, (context) =>
      rollOut(context, { kind: 'rollback', running, by, replicas, surge: config.surge }),
    );
  return drive().catch(async (error: unknown) => {
    const isOthers = error instanceof UserError && error.code === 'rollout_running';
    if (!rollout || !isThatWay || !isOthers) throw error;
    return (await awaitOther({ ...about, rollout })) ?? drive();
  });
}
