import type { IConfigMap } from 'kubernetes-models/v1';
import type { Receipt } from '../../core/environment.ts';
import type { Api } from '../api/api.ts';
import { kindOf, kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import { admissionObjects } from '../manifests/admission.ts';
import { namesOf, type Place } from '../manifests/names.ts';
import { isTerminating, ownerOf } from '../ownership.ts';
import { orRefusal } from '../preflight/cluster-parts.ts';
import { refuseMissingRights } from '../rights/refuse-missing-rights.ts';
import { keptLabels } from '../store/owned.ts';
import { downPurpose, takeLease, whoHolds } from '../target/lease.ts';
import { waitUntil } from '../wait-until.ts';
import { findForeign } from './foreign-objects.ts';
import { keepHistory } from './keep-history.ts';
import { findOwn, isSameObject, itemsOf, type Own, toOwn } from './own-objects.ts';

export interface TakeDownOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  /** The user's, in which the history is kept. */
  readonly stateFolder: string;
  readonly by: string;
  readonly signal: AbortSignal;
  /** The namespace goes with its cluster, and is not waited for. */
  readonly isClusterGoing?: boolean;
  /** How long what is deleted may take to be gone, beyond what pods may take to end. */
  readonly patienceMs?: number;
  /** How often the lock is renewed. */
  readonly renewMs?: number;
}

/**
 * Takes away what was made for an environment, and looks whether it is gone: first what runs, then what is kept, the
 * namespace last, where it is ours and nobody else put anything there. The history is written to this machine before. A
 * rollout that somebody drives throws `rollout_running`. Where it was cut off, it goes on.
 */
export async function takeDown(options: TakeDownOptions): Promise<Receipt> {
  const { api, place, signal, isClusterGoing = false } = options;
  const [own, policies, namespace] = await Promise.all([
    findOwn(api, place, signal),
    findPolicies(options),
    isClusterGoing ? undefined : findNamespace(options),
  ]);
  const { environment } = place;
  const before = [...own, ...policies.found];
  if (before.length === 0 && !namespace) return { environment, items: [], kept: policies.unseen };

  await refuseMissingRights({ ...options, command: 'down' });
  const kept = own.length === 0 ? [] : await clear(options, policies.found);
  // What is the cluster's outlasts a namespace that somebody deleted.
  if (own.length === 0) await removeAll(options, policies.found);
  await awaitOther(options);
  const left = await findLeft(options);
  const cleared = itemsOf(before, left);
  const end = namespace ? await endNamespace(options, left) : { items: [], kept: [] };
  return {
    environment,
    items: [...cleared, ...end.items],
    kept: [...kept, ...(own.length === 0 ? [] : policies.unseen), ...end.kept],
  };
}

/** The Lease is held until all else is gone, so that no rollout begins on the way; what was kept. */
async function clear(given: TakeDownOptions, policies: readonly Own[]): Promise<readonly string[]> {
  const { api, place, by, renewMs } = given;
  const holder = { by, purpose: downPurpose };
  const how = { ...(renewMs === undefined ? {} : { renewMs }), signal: given.signal };
  const lease = await orRefusal(() => takeLease({ api, place, holder, ...how }));
  if (lease instanceof ApiRefusal) {
    // Another `down` has come to the namespace itself: there is nothing to do but wait for it.
    if (await isGoing(given)) return [];
    throw lease;
  }
  // A machine that slept finds the Lease in other hands, and a rollout under way.
  const signal = AbortSignal.any([given.signal, lease.lost]);
  const options = { ...given, signal };
  try {
    const kept = await keepRecords(options);
    // While it is bound, pods without an entry in the list of digests cannot even be ended.
    await removeAll(options, policies);
    await removeAllButLast(options);
    const last = (await findOwn(api, place, signal)).filter((object) => isLast(object, place));
    // The lock itself is among them, and is no longer held once that is gone.
    await removeAndWait(given, last);
    return kept;
  } finally {
    await lease.release().catch(() => undefined);
  }
}

/** What a command that was under way stores meanwhile, before it asks for the lock, goes as well. */
async function removeAllButLast(options: TakeDownOptions): Promise<void> {
  const { api, place, signal } = options;
  const tried: Own[] = [];
  for (let round = 0; round < mostRounds; round += 1) {
    const own = (await findOwn(api, place, signal)).filter((object) => !isLast(object, place));
    const fresh = own.filter((object) => !tried.some((one) => one.uid === object.uid));
    if (fresh.length === 0) return;
    tried.push(...fresh);
    await removeAndWait(options, fresh);
  }
}

const mostRounds = 3;

/** A second `down` takes the lock as soon as it is free, and goes on with what little is left. */
async function awaitOther({ api, place, signal, patienceMs = 60_000 }: TakeDownOptions): Promise<void> {
  await waitUntil(patienceMs, signal, async () => {
    const holder = await orRefusal(() => whoHolds({ api, place, signal }));
    return holder instanceof ApiRefusal || holder?.purpose !== downPurpose;
  });
}

async function isGoing({ api, place, signal }: TakeDownOptions): Promise<boolean> {
  const found = await orRefusal(() => api.get(kinds.namespace, place.namespace, signal));
  return found === undefined || (!(found instanceof ApiRefusal) && isTerminating(found));
}

async function keepRecords({ api, place, stateFolder, signal }: TakeDownOptions): Promise<readonly string[]> {
  const { items } = await api.list(kinds.configMap, { labels: keptLabels(place, 'history') }, signal);
  const records = [...items]
    .sort((a, b) => segmentNumber(a) - segmentNumber(b))
    .flatMap(({ data = {} }) =>
      Object.entries(data)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, record]) => record),
    );
  if (records.length === 0) return [];
  const path = await keepHistory({ stateFolder, place, server: api.access.server, records });
  return [`the history of ${records.length} ${records.length === 1 ? 'rollout' : 'rollouts'}: ${path}`];
}

function segmentNumber({ metadata }: IConfigMap): number {
  return Number(/\d+$/.exec(metadata?.name ?? '')?.[0] ?? 0);
}

/** As long as they are there, the environment is: a `down` that was cut off is gone on with. */
function isLast({ kind, name }: Own, place: Place): boolean {
  return (kind === kinds.configMap || kind === kinds.lease) && name === namesOf(place).state;
}

async function removeAndWait(options: TakeDownOptions, objects: readonly Own[]): Promise<void> {
  const { api, place, signal, patienceMs = 60_000 } = options;
  await removeAll(options, objects);
  const grace = Math.max(0, ...objects.map(({ graceSeconds }) => graceSeconds)) * 1000;
  await waitUntil(patienceMs + grace, signal, async () => {
    const there = await findOwn(api, place, signal);
    return !there.some(
      (object) => objects.some((removed) => isSameObject(removed, object)) || object.kind === kinds.pod,
    );
  });
}

/** What has an owner goes with it; its owner would only make it anew. */
async function removeAll({ api, signal }: TakeDownOptions, objects: readonly Own[]): Promise<void> {
  const roots = objects.filter(({ isOwned }) => !isOwned);
  const removed = await Promise.all(
    roots.map(({ kind, name, uid }) =>
      orRefusal(() => api.remove(kind, name, { signal, ...(uid === undefined ? {} : { uid }) })),
    ),
  );
  // Another by that name, or one that may not be deleted: it is found again by who looks what is left.
  const refused = removed.find(
    (result) => result instanceof ApiRefusal && ![403, 409].includes(result.status),
  );
  if (refused instanceof ApiRefusal) throw refused;
}

async function findLeft(options: TakeDownOptions): Promise<readonly Own[]> {
  const { api, place, signal } = options;
  const [own, policies] = await Promise.all([findOwn(api, place, signal), findPolicies(options)]);
  return [...own, ...policies.found];
}

/** The cluster's own objects that were made for the environment, the binding first. */
async function findPolicies({ api, place, signal }: TakeDownOptions) {
  const found = await Promise.all(
    admissionObjects(place).map(async (object) => {
      const kind = kindOf(object);
      const there = await orRefusal(() => api.get(kind, object.metadata?.name ?? '', signal));
      if (there instanceof ApiRefusal) return undefined;
      return there && ownerOf(there, place) === 'ours' ? [toOwn(kind, there)] : [];
    }),
  );
  const isUnseen = found.some((policy) => policy === undefined);
  return {
    found: found.flatMap((policy) => policy ?? []),
    unseen: isUnseen
      ? [
          `an admission policy ${namesOf(place).admissionPolicy}, if an administrator made one: you may not see it`,
        ]
      : [],
  };
}

/** Where it was made for this environment. */
async function findNamespace({ api, place, signal }: TakeDownOptions): Promise<Own | undefined> {
  const found = await orRefusal(() => api.get(kinds.namespace, place.namespace, signal));
  if (!found || found instanceof ApiRefusal || ownerOf(found, place) !== 'ours') return undefined;
  return toOwn(kinds.namespace, found);
}

async function endNamespace(
  options: TakeDownOptions,
  left: readonly Own[],
): Promise<Pick<Receipt, 'items' | 'kept'>> {
  const { api, place, signal, patienceMs = 60_000 } = options;
  const { namespace } = place;
  const what = `namespace ${namespace}`;
  if (left.some(({ kind }) => kind.isNamespaced)) return { items: [{ what, isGone: false }], kept: [] };
  const foreign = await findForeign(api, namespace, signal);
  if (foreign.length > 0) return { items: [], kept: [`${what}, which holds ${listed(foreign)}`] };
  const removed = await orRefusal(() => api.remove(kinds.namespace, namespace, { signal }));
  // It is on its way out already where it is a conflict.
  if (removed instanceof ApiRefusal && removed.status !== 409) {
    return { items: [], kept: [`${what}, which you may not delete: kubectl delete namespace ${namespace}`] };
  }
  const read = () => api.get(kinds.namespace, namespace, signal);
  const isGone = await waitUntil(patienceMs, signal, async () => (await read()) === undefined);
  if (isGone) return { items: [{ what, isGone }], kept: [] };
  const last = await read();
  const why = last?.status?.conditions?.find(
    ({ type, status }) => type.endsWith('Remaining') && status === 'True',
  );
  const waits = last && isTerminating(last) && why?.message ? `: ${why.message}` : '';
  return { items: [{ what: `${what}${waits}`, isGone: last === undefined }], kept: [] };
}

const mostListed = 5;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, mostListed).join(', ');
  return names.length > mostListed ? `${shown} and ${names.length - mostListed} more` : shown;
}
