import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { Difference } from '../core/difference.ts';
import type { RenderRequest } from '../core/environment.ts';
import type { Running } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import { type KubernetesObject, kindOf, kinds } from './api/kinds.ts';
import { ApiRefusal } from './api/refusal.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { differencesOf, missing } from './difference.ts';
import { allObjects } from './manifests/all-objects.ts';
import { deploymentPatch } from './manifests/deployment.ts';
import { environmentObjects } from './manifests/environment-objects.ts';
import { namesOf, type Place } from './manifests/names.ts';
import { nextSecretSet } from './manifests/next-secret-set.ts';
import { renderRelease } from './manifests/render-release.ts';
import { ownerOf } from './ownership.ts';
import { orRefusal } from './preflight/cluster-parts.ts';
import type { Store } from './store/store.ts';
import type { StoredRelease } from './store/stored-release.ts';

export interface PreviewOptions extends RenderRequest {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Pick<Store, 'readState' | 'readRelease'>;
  readonly signal: AbortSignal;
}

/**
 * What `up` would change, as the server says it: each object is applied as a dry run, and what would come of it compared
 * with what is there. What the user may not see is left out.
 */
export async function previewChanges(options: PreviewOptions): Promise<readonly Difference[]> {
  const { api, place, config, signal } = options;
  const found = await orRefusal(() => api.get(kinds.namespace, place.namespace, signal));
  const own = environmentObjects({ place, config }).filter(isNamespace);
  // Nothing can be tried in a namespace that is not there.
  if (found === undefined) return [...own, ...(await objectsOf(options, undefined))].map(missing);
  const isOurs = !(found instanceof ApiRefusal) && ownerOf(found, place) === 'ours';
  const state = await options.store.readState(signal);
  const wanted = await objectsOf(options, state?.desired.stable);
  const tried = [...(isOurs ? own : []), ...wanted];
  return (await Promise.all(tried.map((object) => tryOut(options, object)))).flat();
}

function isNamespace({ kind }: KubernetesObject): boolean {
  return kind === kinds.namespace.kind;
}

async function objectsOf(
  options: PreviewOptions,
  stable: Running | undefined,
): Promise<readonly KubernetesObject[]> {
  const { place, config, release } = options;
  const objects = allObjects({
    place,
    config,
    stored: await storedOf(options),
    secretSet: nextSecretSet(release, stable),
    replicas: config.autoscale ? undefined : config.replicas,
  });
  return objects.filter((object) => !isNamespace(object));
}

/** A release that ran here is what was stored then, in a namespace that is there. */
async function storedOf(options: PreviewOptions): Promise<StoredRelease> {
  const { store, release, pullFrom, place, config, signal } = options;
  const stored = await store.readRelease(release.id, signal);
  if (stored) return stored;
  if (pullFrom === undefined) throw new Error(`release ${release.id} came without its repository`);
  const { pullSecret } = config;
  return renderRelease({ release, pullFrom, place, ...(pullSecret === undefined ? {} : { pullSecret }) });
}

async function tryOut(options: PreviewOptions, wanted: KubernetesObject): Promise<readonly Difference[]> {
  const { api, place, signal } = options;
  const name = wanted.metadata?.name ?? '';
  const found = await orRefusal(() => api.get(kindOf(wanted), name, signal));
  if (found instanceof ApiRefusal) return [];
  if (!found) return [missing(wanted)];
  // Digests are added to those that are there.
  if (name === namesOf(place).admitted) return differencesOf({ wanted, found });
  const result = await orRefusal(() => dryRun(options, wanted, found));
  if (!(result instanceof ApiRefusal)) return differencesOf({ wanted: result, found, whole: everything });
  // The cluster's own objects take an administrator.
  if (result.status === 403 && !kindOf(wanted).isNamespaced) return [];
  throw result;
}

const everything = ['metadata.labels', 'metadata.annotations', 'spec', 'data'];

/** As a rollout and `up` write it. */
function dryRun(
  { api, signal }: PreviewOptions,
  wanted: KubernetesObject,
  found: KubernetesObject,
): Promise<KubernetesObject> {
  if (wanted.kind !== kinds.deployment.kind) return api.apply(wanted, { signal, isDryRun: true });
  const patch = deploymentPatch(wanted as IDeployment, found as IDeployment);
  return api.patch(kinds.deployment, wanted.metadata?.name ?? '', patch, { signal, isDryRun: true });
}
