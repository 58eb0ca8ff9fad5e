import type { Difference } from '../core/difference.ts';
import { type Desired, givesWay, type Running } from '../core/rollout.ts';
import type { Api } from './api/api.ts';
import { type Kind, type KubernetesObject, kindOf, kinds } from './api/kinds.ts';
import { ApiRefusal } from './api/refusal.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { differencesOf, missing, needless } from './difference.ts';
import { admissionObjects, admittedOf } from './manifests/admission.ts';
import { deploymentOf } from './manifests/deployment.ts';
import { disruptionBudgetOf } from './manifests/disruption-budget.ts';
import { environmentObjects } from './manifests/environment-objects.ts';
import { chosenBy } from './manifests/gate.ts';
import { labels, namesOf, type Place } from './manifests/names.ts';
import { settingsMapOf, templateOf } from './manifests/pod-template.ts';
import { ownerOf } from './ownership.ts';
import { orRefusal } from './preflight/cluster-parts.ts';
import type { Store } from './store/store.ts';
import type { StoredRelease } from './store/stored-release.ts';

export interface DriftOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Pick<Store, 'readState' | 'readRelease'>;
  readonly signal: AbortSignal;
}

/**
 * What differs from what was rolled out, in our fields and in all of the pod template; it only reads. What the user may
 * not see, such as the cluster's own objects, is left out.
 */
export async function findDrift(options: DriftOptions): Promise<readonly Difference[]> {
  const { place, config, store, signal } = options;
  const state = await store.readState(signal);
  const desired = state?.desired;
  const wanted = [
    ...environmentObjects({ place, config }),
    ...admissionObjects(place),
    ...(desired ? await objectsOf(options, desired) : []),
  ];
  const [found, extra] = await Promise.all([
    Promise.all(wanted.map((object) => compareWithFound(options, object))),
    findNeedless(options, wanted),
  ]);
  return [...found.flat(), ...extra];
}

/** What there shall be for the releases that serve. */
async function objectsOf(options: DriftOptions, desired: Desired): Promise<readonly KubernetesObject[]> {
  const { place } = options;
  const { stable, candidate, replicas } = desired;
  const running = [stable, candidate].filter((one) => one !== undefined);
  const stored = await Promise.all(running.map((one) => readStored(options, one)));
  const kept = stored.filter((one) => one !== undefined);
  const chosen = chosenBy(desired);
  const template = kept.find(({ release }) => release.id === chosen?.running.release.id);
  const settings = new Map(kept.map((one) => [one.settings.name, settingsMapOf(place, one)]));
  return [
    admittedOf(
      place,
      kept.map(({ image }) => image),
    ),
    ...settings.values(),
    ...running.flatMap(({ secretSet }) => (secretSet === undefined ? [] : [secretOf(place, secretSet)])),
    ...(stable ? [disruptionBudgetOf({ place, stable, givesWay: givesWay(desired) })] : []),
    ...(chosen && template
      ? [
          deploymentOf({
            place,
            template: templateOf(template, chosen.running.secretSet),
            replicas: replicas === 'autoscaled' ? undefined : replicas,
            gate: chosen.gate,
            surge: desired.surge,
          }),
        ]
      : []),
  ];
}

function readStored(
  { store, signal }: DriftOptions,
  { release }: Running,
): Promise<StoredRelease | undefined> {
  return store.readRelease(release.id, signal);
}

/** Nothing but that it is there: its values are nobody's to compare. */
function secretOf(place: Place, set: string): KubernetesObject {
  const { namespace } = place;
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: namesOf(place).secrets(set), namespace } };
}

/** Of these, what others add counts as well: it would be in every pod, let others in, or let others by. */
const wholeFields: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec.template', 'spec.strategy'],
  NetworkPolicy: ['spec'],
  ValidatingAdmissionPolicy: ['spec'],
  ValidatingAdmissionPolicyBinding: ['spec'],
};

async function compareWithFound(
  { api, place, signal }: DriftOptions,
  wanted: KubernetesObject,
): Promise<readonly Difference[]> {
  const found = await orRefusal(() => api.get(kindOf(wanted), wanted.metadata?.name ?? '', signal));
  if (found instanceof ApiRefusal) return [];
  if (!found) return [missing(wanted)];
  // One that was there before is used as it is.
  if (found.kind === kinds.namespace.kind && ownerOf(found, place) !== 'ours') return [];
  const whole = wholeFields[wanted.kind] ?? [];
  return differencesOf({ wanted: withPause(wanted), found, whole });
}

/** A Deployment that somebody paused does not do what it says. */
function withPause(object: KubernetesObject): KubernetesObject {
  if (object.kind !== kinds.deployment.kind) return object;
  const { spec } = object as { readonly spec?: object };
  return { ...object, spec: { ...spec, paused: false } } as KubernetesObject;
}

/** What comes and goes with the config and the releases, and is ours. */
async function findNeedless(
  { api, place, signal }: DriftOptions,
  wanted: readonly KubernetesObject[],
): Promise<readonly Difference[]> {
  const { service } = namesOf(place);
  const comeAndGo: readonly Kind[] = [kinds.autoscaler, kinds.ingress, kinds.deployment];
  const looked = comeAndGo.filter(({ kind }) => !wanted.some((object) => object.kind === kind));
  const found = await Promise.all(looked.map((kind) => orRefusal(() => api.get(kind, service, signal))));
  return found.flatMap((object) => {
    if (!object || object instanceof ApiRefusal) return [];
    return object.metadata?.labels?.[labels.managedBy] === 'causeway' ? [needless(object)] : [];
  });
}
