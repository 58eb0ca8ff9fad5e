import { UserError } from '../core/errors.ts';
import type { Desired, Running } from '../core/rollout.ts';
import type { Place } from './manifests/names.ts';
import type { Store, StoredState } from './store/store.ts';

/** What is kept of an environment; throws where it is not up. */
export async function expectState(
  store: Pick<Store, 'readState'>,
  { environment }: Place,
  signal: AbortSignal,
): Promise<StoredState> {
  const state = await store.readState(signal);
  if (state) return state;
  throw new UserError({
    code: 'environment_missing',
    message: `${environment} is not up`,
    hint: `causeway up ${environment}`,
  });
}

/** The release that serves; throws where none does yet. */
export function expectStable({ stable }: Desired, { environment }: Place): Running {
  if (stable) return stable;
  throw new UserError({
    code: 'environment_missing',
    message: `no release serves on ${environment} yet`,
    hint: `causeway up ${environment}`,
  });
}
