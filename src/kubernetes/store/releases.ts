import type { IConfigMap, IPodTemplateSpec } from 'kubernetes-models/v1';
import { UserError } from '../../core/errors.ts';
import { shortId } from '../../core/release.ts';
import { kinds } from '../api/kinds.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { settingsMapOf } from '../manifests/pod-template.ts';
import { createIfMissing, keptLabels, keptMap, parseJson, type StoreOptions } from './owned.ts';
import { readState } from './state.ts';
import { type StoredRelease, storedReleaseSchema } from './stored-release.ts';

/** See `Store.readRelease`. */
export async function readRelease(
  options: StoreOptions,
  id: string,
  signal: AbortSignal,
): Promise<StoredRelease | undefined> {
  const stored = await readLabelled(options, id, signal);
  return stored?.release.id === id ? stored : undefined;
}

/** See `Store.readLabelled`: a label holds the start of an id, as the name does. */
export async function readLabelled(
  { api, place }: StoreOptions,
  label: string,
  signal: AbortSignal,
): Promise<StoredRelease | undefined> {
  const kept = await api.get(kinds.configMap, namesOf(place).release(label), signal);
  if (!kept) return undefined;
  const stored = parseRelease(kept);
  if (!stored) throw corruptError(place, label);
  return stored;
}

/** See `Store.storeRelease`. */
export async function storeRelease(
  options: StoreOptions,
  stored: StoredRelease,
  signal: AbortSignal,
): Promise<StoredRelease> {
  return (await keepRelease(options, stored.release.id, stored, signal)) ?? stored;
}

/** See `Store.keepRelease`. */
export async function keepRelease(
  options: StoreOptions,
  id: string,
  otherwise: StoredRelease | undefined,
  signal: AbortSignal,
): Promise<StoredRelease | undefined> {
  const { api, place } = options;
  const before = await readRelease(options, id, signal);
  const found = before && (await isToBeAnew(options, before, otherwise, signal)) ? undefined : before;
  const kept = found ?? otherwise;
  if (!kept) return undefined;
  // A release is only found with its settings: a crash between the two leaves none that cannot start.
  await createIfMissing(api, settingsMapOf(place, kept), signal);
  if (found) return found;
  const name = namesOf(place).release(id);
  const map = { ...keptMap(place, 'release', name, { release: JSON.stringify(kept) }), immutable: true };
  if (before) await api.remove(kinds.configMap, name, { signal });
  if (await createIfMissing(api, map, signal)) return kept;
  return (await readRelease(options, id, signal)) ?? kept;
}

/**
 * Whether its image is somewhere else by now, such as after a rollout that failed by a wrong repository. What runs is put
 * back from the bytes that it was made of.
 */
async function isToBeAnew(
  options: StoreOptions,
  kept: StoredRelease,
  otherwise: StoredRelease | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (!otherwise || pullOf(kept) === pullOf(otherwise)) return false;
  const { stable, candidate } = (await readState(options, signal))?.desired ?? {};
  return ![stable, candidate].some((running) => running?.release.id === kept.release.id);
}

/** Where its image is, and by which Secret it may be had. */
function pullOf({ image, template }: StoredRelease): string {
  const { spec } = (parseJson(template) ?? {}) as IPodTemplateSpec;
  return JSON.stringify([image, spec?.imagePullSecrets]);
}

/** See `Store.keptReleases`. */
export async function keptReleases(
  { api, place }: StoreOptions,
  signal: AbortSignal,
): Promise<(id: string) => boolean> {
  const { items } = await api.list(kinds.configMap, { labels: keptLabels(place, 'release') }, signal);
  const names = new Set(items.map(({ metadata }) => metadata?.name));
  return (id) => names.has(namesOf(place).release(id));
}

/** Undefined: it does not have the shape that this version of Causeway knows. */
export function parseRelease({ data = {} }: IConfigMap): StoredRelease | undefined {
  const stored = storedReleaseSchema.safeParse(parseJson(data.release ?? ''));
  return stored.success ? stored.data : undefined;
}

function corruptError(place: Place, id: string): UserError {
  const name = namesOf(place).release(id);
  return new UserError({
    code: 'state_corrupt',
    message: `release ${shortId(id)} cannot be read from ConfigMap ${place.namespace}/${name}: damaged, or written by a newer Causeway`,
    hint: `use the Causeway that wrote it; or kubectl --namespace ${place.namespace} delete configmap ${name}, then deploy it anew`,
  });
}
