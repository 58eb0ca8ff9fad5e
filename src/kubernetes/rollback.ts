import type { RollbackRequest } from '../core/environment.ts';
import { findReturn, refuseWithoutSecrets } from '../core/return-to.ts';
import { type Outcome, rollOut } from '../core/roll-out.ts';
import type { Running } from '../core/rollout.ts';
import { replicasOf } from './cluster-config.ts';
import { type DriveOptions, driveRollout } from './drive-rollout.ts';
import { endOther } from './end-other.ts';
import { expectState } from './expect-state.ts';

export interface RollbackOptions extends Omit<DriveOptions, 'by' | 'agentImage' | 'rendered'> {
  readonly request: RollbackRequest;
}

/** Returns to a release that was good here. A rollout that is under way is ended first; without `to`, that is all. */
export async function rollBack({ request, ...about }: RollbackOptions): Promise<Outcome> {
  const { to, trusted, by } = request;
  const { place, store, config, signal } = about;
  const state = await expectState(store, place, signal);
  const driven = { ...about, by, agentImage: state.agentImage };
  if (state.desired.rollout) {
    const ended = await endOther({ ...about, rollout: state.desired.rollout, by }, (takeOut) =>
      driveRollout(driven, takeOut),
    );
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
  return driveRollout(driven, (context) =>
    rollOut(context, { kind: 'rollback', running, by, replicas, surge: config.surge }),
  );
}
