import type { Desired } from '../../core/rollout.ts';
import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import type { Place } from '../manifests/names.ts';
import { whyNotUsable } from '../ownership.ts';
import { checkRights } from '../rights/refuse-missing-rights.ts';
import { checkRoom } from './check-room.ts';
import { checkIngressClass, checkMetrics, checkPullSecret, orRefusal } from './cluster-parts.ts';

export interface FindProblemsOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  /** As it shall be once the rollout begins. */
  readonly desired: Desired;
  /** Undefined: none watches the rollout. */
  readonly agent?: object;
  readonly signal: AbortSignal;
}

/** What would surely make the rollout fail, as problems, and what else is worth knowing, as notes. Changes nothing. */
export async function findProblems(options: FindProblemsOptions): Promise<readonly Finding[]> {
  const { desired } = options;
  const [rights, namespace, pullSecret, ...others] = await Promise.all([
    checkRights({ ...options, command: desired.rollout?.kind ?? 'deploy' }),
    checkNamespace(options),
    checkPullSecret(options),
    checkMetrics(options),
    checkIngressClass(options),
  ]);
  const early = [...rights, ...namespace, ...pullSecret];
  const room = early.some(({ isProblem }) => isProblem)
    ? []
    : await checkRoom({ ...options, hasAgent: options.agent !== undefined });
  // What does not work afterwards either way keeps no rollout from its end.
  return [...early, ...room, ...others.flat().map((finding) => ({ ...finding, isProblem: false }))];
}

/** Whether the namespace may be rolled out to; one that cannot be seen is told by what is done in it. */
async function checkNamespace({ api, place, signal }: FindProblemsOptions): Promise<readonly Finding[]> {
  const found = await orRefusal(() => api.get(kinds.namespace, place.namespace, signal));
  if (found instanceof ApiRefusal) return [];
  const { environment, namespace } = place;
  const why = found
    ? whyNotUsable(found, place)
    : { message: `there is no namespace ${namespace}`, hint: `causeway up ${environment} makes it` };
  return why ? [{ isProblem: true, ...why }] : [];
}
