import type { INamespace } from 'kubernetes-models/v1';
import { UserError } from '../core/errors.ts';
import { shortId } from '../core/release.ts';
import type { Desired } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import { type Kind, type KubernetesObject, kindOf, kinds } from './api/kinds.ts';
import { ApiRefusal } from './api/refusal.ts';
import { type ClusterConfig, replicasOf } from './cluster-config.ts';
import { saysTheSame } from './difference.ts';
import { readKeptHistory } from './down/keep-history.ts';
import { findRunning } from './find-running.ts';
import { admissionObjects } from './manifests/admission.ts';
import { environmentObjects } from './manifests/environment-objects.ts';
import { namesOf, type Place } from './manifests/names.ts';
import { ownerOf, refuseTakenNamespace, refuseTakenObject } from './ownership.ts';
import { orRefusal } from './preflight/cluster-parts.ts';
import { refuseMissingRights } from './rights/refuse-missing-rights.ts';
import type { Store } from './store/store.ts';
import { refuseWhileDown } from './target/lease.ts';

export interface MakeOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Pick<Store, 'readState' | 'writeState' | 'takeIn' | 'readLabelled'>;
  /** The user's, where `down` kept the history of an earlier one; none: there is nothing to take in. */
  readonly stateFolder?: string;
  readonly signal: AbortSignal;
}

/**
 * Makes what an environment needs and has not, and puts right what it has; what it did, in one line, or nothing. Throws
 * `rights_missing` and `namespace_taken` before anything changes.
 */
export async function makeEnvironment(options: MakeOptions): Promise<string | undefined> {
  const { place, config, store, signal } = options;
  const wanted = environmentObjects({ place, config });
  const [namespace, found] = await Promise.all([
    readNamespace(options),
    findObjects(options, wanted),
    refuseMissingRights({ ...options, command: 'up' }),
  ]);
  if (typeof namespace === 'object') refuseTakenNamespace(namespace, place);
  for (const object of found) refuseTakenObject(object, place);
  // The state is refused where the namespace holds another environment of ours.
  const [state] = await Promise.all([store.readState(signal), refuseWhileDown(options)]);

  const made = await makeNamespace(options, namespace, wanted.find(isNamespace));
  const inside = wanted.filter((object) => !isNamespace(object));
  const settings = config.exposure.kind === 'cloud' ? config.exposure.settings : [];
  const done = await Promise.all([
    ...settings.map((object) => applySetting(options, object)),
    ...inside.map((object) => apply(options, object, find(found, object))),
    ...found.filter((object) => isOutdated(object, inside)).map((object) => remove(options, object)),
    ...(state ? [] : [makeState(options)]),
    makeAdmission(options),
  ]);
  return describe([...made, ...done.flat()]);
}

const acts = ['made', 'took in', 'put right', 'removed', 'left out'] as const;

interface Done {
  readonly act: (typeof acts)[number];
  readonly what: string;
}

/** `unseen`: the user's rights end within it. */
type FoundNamespace = INamespace | 'unseen' | undefined;

async function readNamespace({ api, place, signal }: MakeOptions): Promise<FoundNamespace> {
  const found = await orRefusal(() => api.get(kinds.namespace, place.namespace, signal));
  return found instanceof ApiRefusal ? 'unseen' : found;
}

/** What is there by the names that are needed, whoever made it. */
async function findObjects(
  { api, place, signal }: MakeOptions,
  wanted: readonly KubernetesObject[],
): Promise<readonly KubernetesObject[]> {
  const { service, state, admitted } = namesOf(place);
  const later: readonly (readonly [Kind, string])[] = [
    [kinds.deployment, service],
    [kinds.disruptionBudget, service],
    [kinds.autoscaler, service],
    [kinds.ingress, service],
    [kinds.lease, state],
    [kinds.configMap, state],
    [kinds.configMap, admitted],
  ];
  const named = wanted
    .filter((object) => !isNamespace(object))
    .map((object) => [kindOf(object), object.metadata?.name ?? ''] as const);
  const all = new Map([...named, ...later].map(([kind, name]) => [`${kind.kind}/${name}`, { kind, name }]));
  const found = await Promise.all(
    [...all.values()].map(({ kind, name }) => orRefusal(() => api.get(kind, name, signal))),
  );
  // What may not be read is not needed: the rights to what is are looked at beside this.
  return found.flatMap((object) => (object && !(object instanceof ApiRefusal) ? [object] : []));
}

function isNamespace({ kind }: KubernetesObject): boolean {
  return kind === kinds.namespace.kind;
}

function find(found: readonly KubernetesObject[], { kind, metadata }: KubernetesObject) {
  return found.find((object) => object.kind === kind && object.metadata?.name === metadata?.name);
}

/** One that was there before and is nobody's is used as it is. */
async function makeNamespace(
  options: MakeOptions,
  found: FoundNamespace,
  wanted: KubernetesObject | undefined,
): Promise<readonly Done[]> {
  const { api, place, signal } = options;
  if (!wanted || found === 'unseen') return [];
  if (found && ownerOf(found, place) !== 'ours') return [];
  const applied = await orRefusal(() => api.apply(wanted, { signal }));
  if (!(applied instanceof ApiRefusal)) return changesOf(found, applied);
  if (applied.status !== 403) throw applied;
  if (found) return [];
  const { namespace } = place;
  throw new UserError({
    code: 'rights_missing',
    message: `there is no namespace ${namespace}, and you may not make one`,
    hint: `an administrator runs kubectl create namespace ${namespace}, and applies there the Role of docs/kubernetes-rights.md`,
    cause: applied,
  });
}

async function apply(
  { api, signal }: MakeOptions,
  object: KubernetesObject,
  found: KubernetesObject | undefined,
): Promise<readonly Done[]> {
  const applied = await orRefusal(() => api.apply(object, { signal }));
  if (!(applied instanceof ApiRefusal)) return changesOf(found, applied);
  const { spec } = object as { readonly spec?: object };
  if (applied.status !== 422 || !found || !spec) throw applied;
  // An entry that somebody gave another key, such as a Service's port, stands beside ours: its list is replaced whole.
  await api.patch(kindOf(object), object.metadata?.name ?? '', { spec }, { signal });
  return changesOf(found, await api.apply(object, { signal }));
}

/** Of the cluster itself: only the fields that are given are ours. */
async function applySetting(
  { api, signal }: MakeOptions,
  object: KubernetesObject,
): Promise<readonly Done[]> {
  const { name = '', namespace } = object.metadata ?? {};
  const found = await api.get(kindOf(object), name, signal, namespace);
  return changesOf(found, await api.apply(object, { signal }));
}

function changesOf(before: KubernetesObject | undefined, after: KubernetesObject): readonly Done[] {
  if (before && saysTheSame(before, after)) return [];
  return [{ act: before ? 'put right' : 'made', what: shown(after) }];
}

/** Autoscaler and Ingress come and go with the config. */
function isOutdated(object: KubernetesObject, wanted: readonly KubernetesObject[]): boolean {
  const comesAndGoes = object.kind === kinds.autoscaler.kind || object.kind === kinds.ingress.kind;
  return comesAndGoes && find(wanted, object) === undefined;
}

async function remove({ api, signal }: MakeOptions, object: KubernetesObject): Promise<readonly Done[]> {
  const { name = '', uid } = object.metadata ?? {};
  await api.remove(kindOf(object), name, { signal, ...(uid === undefined ? {} : { uid }) });
  return [{ act: 'removed', what: shown(object) }];
}

/** An environment is there once it has a state; its history begins with that of the one before it. */
async function makeState(options: MakeOptions): Promise<readonly Done[]> {
  const { config, store, signal } = options;
  const replicas = replicasOf(config);
  const stable = await findRunning(options);
  const done = stable
    ? [{ act: 'took in' as const, what: `release ${shortId(stable.release.id)}, which runs` }]
    : await takeInHistory(options);
  const desired: Desired = { replicas, ...(stable ? { stable } : {}) };
  const written = await orRefusal(() => store.writeState({ desired, token: 0 }, signal));
  // Another `up` was first.
  if (written instanceof ApiRefusal && written.status !== 409) throw written;
  return done;
}

async function takeInHistory(options: MakeOptions): Promise<readonly Done[]> {
  const { api, place, store, stateFolder, signal } = options;
  if (stateFolder === undefined) return [];
  const { path, records } = await readKeptHistory({ stateFolder, place, server: api.access.server });
  const taken = await store.takeIn(records, signal);
  if (taken === 0) return [];
  const rollouts = `${taken} ${taken === 1 ? 'rollout' : 'rollouts'}`;
  return [{ act: 'took in', what: `the history of ${rollouts} that down kept in ${path}` }];
}

/** It is the cluster's, not the namespace's: who may not write there gets everything else. */
async function makeAdmission({ api, place, signal }: MakeOptions): Promise<readonly Done[]> {
  const results = await Promise.all(
    admissionObjects(place).map(async (object) => {
      const found = await orRefusal(() => api.get(kindOf(object), object.metadata?.name ?? '', signal));
      const applied = await orRefusal(() => api.apply(object, { signal }));
      if (applied instanceof ApiRefusal) return applied;
      return found instanceof ApiRefusal ? [] : changesOf(found, applied);
    }),
  );
  const refused = results.find((result) => result instanceof ApiRefusal);
  if (refused && refused.status !== 403 && refused.status !== 404) throw refused;
  if (refused)
    return [
      { act: 'left out', what: `the admission policy, which takes an administrator: ${refused.message}` },
    ];
  return results.flatMap((result) => (result instanceof ApiRefusal ? [] : result));
}

function shown({ kind, metadata }: KubernetesObject): string {
  return kind === kinds.namespace.kind ? `namespace ${metadata?.name}` : kind;
}

function describe(done: readonly Done[]): string | undefined {
  const parts = acts.flatMap((act) => {
    const what = new Set(done.filter((one) => one.act === act).map((one) => one.what));
    return what.size === 0 ? [] : [`${act} ${[...what].join(', ')}`];
  });
  return parts.length === 0 ? undefined : parts.join('; ');
}
