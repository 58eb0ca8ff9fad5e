import { shortId } from '../../core/release.ts';
import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { note, orRefusal, unknown } from '../preflight/cluster-parts.ts';
import type { StoredState } from '../store/store.ts';
import { whoHolds } from '../target/lease.ts';
import { waitUntil } from '../wait-until.ts';

export interface RolloutCheck {
  readonly api: Api;
  readonly place: Place;
  readonly state: StoredState | undefined;
  readonly signal: AbortSignal;
}

/** More than any release waits: the gate of a rollout. */
const closedSeconds = 1_000_000;

/** A rollout that nobody drives any more, and a gate that is closed without one: both serve, and nothing ends. */
export async function checkRollout({ api, place, state, signal }: RolloutCheck): Promise<readonly Finding[]> {
  if (!state) return [];
  const { environment } = place;
  const { rollout } = state.desired;
  if (rollout) {
    const what = `${rollout.kind} of ${shortId(rollout.release)} by ${rollout.by}`;
    if (await isDriven({ api, place, signal })) return [note(`a rollout is under way: ${what}`)];
    return [
      {
        isProblem: true,
        message: `a rollout is half-done, and nobody drives it: ${what}`,
        hint: `causeway rollback ${environment} takes it out; causeway up ${environment} goes on with the same release`,
      },
    ];
  }
  const deployment = await orRefusal(() => api.get(kinds.deployment, namesOf(place).service, signal));
  if (deployment instanceof ApiRefusal) return [unknown(`the gate of rollouts: ${deployment.message}`)];
  if (!deployment) return [note('no rollout is left half-done')];
  if ((deployment.spec?.minReadySeconds ?? 0) < closedSeconds) return [note('no rollout is left half-done')];
  const { availableReplicas = 0, readyReplicas = 0 } = deployment.status ?? {};
  return [
    {
      isProblem: true,
      message: `no rollout runs, and its gate is closed: ${readyReplicas} replicas are ready and serve, and ${availableReplicas} count as available`,
      hint: `causeway up ${environment} opens it`,
    },
  ];
}

/** Longer than a live holder takes to renew the lock. */
const renewedMs = 6_000;

/** By a sign of life alone: clocks may differ. */
async function isDriven(options: Omit<RolloutCheck, 'state'>): Promise<boolean> {
  const { api, place, signal } = options;
  if (!(await whoHolds(options))) return false;
  const read = async () => (await api.get(kinds.lease, namesOf(place).state, signal))?.spec?.renewTime;
  const before = await read();
  return waitUntil(renewedMs, signal, async () => (await read()) !== before);
}
