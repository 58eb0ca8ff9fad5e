import type { IConfigMap } from 'kubernetes-models/v1';
import { UserError } from '../../core/errors.ts';
import { shortId } from '../../core/release.ts';
import { kinds } from '../api/kinds.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { settingsMapOf } from '../manifests/pod-template.ts';
import { createIfMissing, keptMap, parseJson, type StoreOptions } from './owned.ts';
import { type StoredRelease, storedReleaseSchema } from './stored-release.ts';

/** See `Store.readRelease`. */
export async function readRelease(
  { api, place }: StoreOptions,
  id: string,
  signal: AbortSignal,
): Promise<StoredRelease | undefined> {
  const kept = await api.get(kinds.configMap, namesOf(place).release(id), signal);
  if (!kept) return undefined;
  const stored = parseRelease(kept);
  if (!stored) throw corruptError(place, id);
  return stored.release.id === id ? stored : undefined;
}

/** See `Store.storeRelease`. */
export async function storeRelease(
  options: StoreOptions,
  stored: StoredRelease,
  signal: AbortSignal,
): Promise<StoredRelease> {
  const { api, place } = options;
  const { id } = stored.release;
  const found = await readRelease(options, id, signal);
  const kept = found ?? stored;
  // A release is only found with its settings: a crash between the two leaves none that cannot start.
  await createIfMissing(api, settingsMapOf(place, kept), signal);
  if (found) return found;
  const name = namesOf(place).release(id);
  const map = { ...keptMap(place, 'release', name, { release: JSON.stringify(stored) }), immutable: true };
  if (await createIfMissing(api, map, signal)) return stored;
  return (await readRelease(options, id, signal)) ?? stored;
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
