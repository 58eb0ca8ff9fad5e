import type { RenderRequest } from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { KubernetesObject } from './api/kinds.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { allObjects } from './manifests/all-objects.ts';
import type { Place } from './manifests/names.ts';
import { nextSecretSet } from './manifests/next-secret-set.ts';
import { renderRelease } from './manifests/render-release.ts';
import type { Store, StoredState } from './store/store.ts';
import type { StoredRelease } from './store/stored-release.ts';

export interface RenderObjectsOptions {
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Store;
  /** Default: the stable release, as it is stored. */
  readonly request: RenderRequest | undefined;
  readonly signal: AbortSignal;
}

/** All that an environment is made of with this release, with the secrets that it has now, by name. */
export async function renderObjects({
  place,
  config,
  store,
  request,
  signal,
}: RenderObjectsOptions): Promise<readonly KubernetesObject[]> {
  const state = await store.readState(signal);
  const stored = request
    ? await renderNew(request, { place, config, store, signal })
    : await readStable(state, { place, store, signal });
  const replicas = config.autoscale ? undefined : config.replicas;
  const secretSet = nextSecretSet(stored.release, state?.desired.stable);
  return allObjects({ place, config, stored, secretSet, replicas });
}

/** One that ran there before is run as it was rendered then. */
async function renderNew(
  { release, pullFrom }: RenderRequest,
  { place, config, store, signal }: Omit<RenderObjectsOptions, 'request'>,
): Promise<StoredRelease> {
  if (pullFrom === undefined) throw new Error(`release ${release.id} came without its repository`);
  const { pullSecret } = config;
  const kept = await store.readRelease(release.id, signal);
  return (
    kept ?? renderRelease({ release, pullFrom, place, ...(pullSecret === undefined ? {} : { pullSecret }) })
  );
}

async function readStable(
  state: StoredState | undefined,
  { place: { environment }, store, signal }: Pick<RenderObjectsOptions, 'place' | 'store' | 'signal'>,
): Promise<StoredRelease> {
  const id = state?.desired.stable?.release.id;
  const stored = id === undefined ? undefined : await store.readRelease(id, signal);
  if (stored) return stored;
  throw new UserError({
    code: 'environment_missing',
    message: `no release serves on ${environment} yet`,
    hint: `causeway render ${environment} without --stable shows what would be made`,
  });
}
