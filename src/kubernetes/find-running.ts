import { UserError } from '../core/errors.ts';
import type { Running } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { labels, namesOf, type Place } from './manifests/names.ts';
import type { Store } from './store/store.ts';

export interface FindRunningOptions {
  readonly api: Api;
  readonly place: Place;
  readonly store: Pick<Store, 'readLabelled'>;
  readonly signal: AbortSignal;
}

/**
 * What the Deployment runs, where the state that would say it is gone: a rollout over it would take it for nothing. Undefined:
 * there is no Deployment. Throws `state_corrupt` where it cannot be told.
 */
export async function findRunning({
  api,
  place,
  store,
  signal,
}: FindRunningOptions): Promise<Running | undefined> {
  const deployment = await api.get(kinds.deployment, namesOf(place).service, signal);
  if (!deployment) return undefined;
  const { minReadySeconds = 0, template } = deployment.spec ?? {};
  const { [labels.release]: label, [labels.secretSet]: secretSet } = template?.metadata?.labels ?? {};
  // While the gate is closed, its template is that of a candidate.
  const isTold = minReadySeconds === 0 && label !== undefined;
  const stored = isTold ? await store.readLabelled(label, signal) : undefined;
  if (!stored) throw goneError(place);
  return { release: stored.release, ...(secretSet === undefined ? {} : { secretSet }) };
}

function goneError({ environment, namespace }: Place): UserError {
  return new UserError({
    code: 'state_corrupt',
    message: `the state of ${environment} is gone from namespace ${namespace}, and what runs there cannot be told without it`,
    hint: `it serves on until you take it away: causeway down ${environment}, then causeway up ${environment}`,
  });
}
