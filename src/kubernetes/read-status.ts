import type { IPod } from 'kubernetes-models/v1';
import type { ReplicaStatus, Status } from '../core/environment.ts';
import { describeStable, stateOf } from '../core/return-to.ts';
import { type Desired, runningKey } from '../core/rollout.ts';
import type { ReplicaState } from '../core/target.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { namesOf, type Place, selectorOf } from './manifests/names.ts';
import { orRefusal } from './preflight/cluster-parts.ts';
import { readUrl } from './read-url.ts';
import type { Store } from './store/store.ts';
import { PodMemory } from './target/pod-memory.ts';
import { containerOf, endsOf, isReadyPod } from './target/pod-status.ts';
import { type ClusterView, replicaStates } from './target/pods.ts';

export interface ReadStatusOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly store: Store;
}

/** What runs, from what the cluster keeps and has. */
export async function readStatus(options: ReadStatusOptions, signal: AbortSignal): Promise<Status> {
  const { place, store } = options;
  const about = { environment: place.environment, target: 'kubernetes' as const };
  const [state, view, url, hasService] = await Promise.all([
    store.readState(signal),
    readView(options, signal),
    readUrl(options, signal),
    findsService(options, signal),
  ]);
  if (!state && !view.deployment) return { ...about, state: 'absent', running: [] };
  if (!state) {
    const because = 'its state is gone; up takes in what runs';
    return { ...about, state: 'degraded', running: [], because };
  }
  const { desired } = state;
  const records = desired.stable ? await store.latestRecords(state, signal) : [];
  const states = replicaStates({
    ...view,
    desired,
    memory: new PodMemory(),
    images: new Map(),
    isWatched: true,
    generation: 0,
  }).filter(({ release }) => release !== '');
  const pods = states.filter(({ id }) => findPod(view, id));
  const because =
    whyDegraded(desired, states, { ...view, hasService }) ??
    whyRefused(
      desired,
      states.filter((state) => !pods.includes(state)),
    );
  return {
    ...about,
    state: stateOf(desired, because),
    ...(url === undefined ? {} : { url }),
    ...describeStable(desired, records),
    ...(desired.rollout ? { rollout: desired.rollout } : {}),
    replicas: desired.replicas,
    // What stands for pods that are still to be made or to go is no replica.
    running: pods.map((replica) => toReplica(replica, desired, view)),
    ...(because === undefined ? {} : { because }),
  };
}

async function findsService({ api, place }: ReadStatusOptions, signal: AbortSignal): Promise<boolean> {
  const service = await orRefusal(() => api.get(kinds.service, namesOf(place).service, signal));
  return service !== undefined;
}

async function readView({ api, place }: ReadStatusOptions, signal: AbortSignal): Promise<ClusterView> {
  const labels = selectorOf(place);
  const [deployment, replicaSets, pods] = await Promise.all([
    api.get(kinds.deployment, namesOf(place).service, signal),
    api.list(kinds.replicaSet, { labels }, signal),
    api.list(kinds.pod, { labels }, signal),
  ]);
  const isWell = pods.items.every(isReadyPod);
  const fields = 'involvedObject.kind=Pod';
  const events = isWell ? { items: [] } : await api.list(kinds.event, { fields }, signal);
  return { deployment, replicaSets: replicaSets.items, pods: pods.items, events: events.items };
}

function findPod({ pods }: ClusterView, id: string): IPod | undefined {
  return pods.find(({ metadata }) => metadata?.name === id);
}

function toReplica(
  { id, release, phase, trouble }: ReplicaState,
  { stable, candidate }: Desired,
  view: ClusterView,
): ReplicaStatus {
  const pod = findPod(view, id);
  // A label holds but the start of an id.
  const known = [stable, candidate].find((running) => running?.release.id.startsWith(release));
  return {
    id,
    release: known?.release.id ?? release,
    phase,
    restarts: pod ? endsOf(pod) : 0,
    startedAt: startOf(pod) ?? (Date.parse(String(pod?.metadata?.creationTimestamp)) || Date.now()),
    ...(trouble ? { trouble: trouble.message } : {}),
  };
}

/** Of the container that runs now; before one does, of the pod. */
function startOf(pod: IPod | undefined): number | undefined {
  const { running } = (pod && containerOf(pod)?.state) ?? {};
  return Date.parse(String(running?.startedAt ?? pod?.status?.startTime)) || undefined;
}

/** In a rollout: the candidate's pods that the cluster does not let be made. */
function whyRefused({ candidate }: Desired, sets: readonly ReplicaState[]): string | undefined {
  if (!candidate) return undefined;
  const message = sets.find(({ key }) => key === runningKey(candidate))?.trouble?.message;
  return message && `no replica of the candidate can be made: ${message}`;
}

/** After the verdict nothing is taken back, but it is said when the stable release is not well. */
function whyDegraded(
  { stable, rollout, replicas }: Desired,
  states: readonly ReplicaState[],
  { deployment, hasService }: ClusterView & { readonly hasService: boolean },
): string | undefined {
  if (!stable || rollout) return undefined;
  if (!deployment) return 'its Deployment is gone';
  if (!hasService) return 'its Service is gone, so that no request reaches it; up makes it again';
  const mine = states.filter(({ key }) => key === runningKey(stable));
  const wanted = replicas === 'autoscaled' ? (deployment.spec?.replicas ?? 1) : replicas;
  const ready = mine.filter(({ phase }) => phase === 'ready').length;
  if (ready >= wanted) return undefined;
  const set = deployment.spec?.replicas;
  if (replicas !== 'autoscaled' && set !== undefined && set !== wanted)
    return `${ready} of ${wanted} replicas ready: somebody set the Deployment to ${set}; up puts it right`;
  const trouble = mine.find((replica) => replica.trouble)?.trouble?.message;
  return `${ready} of ${wanted} replicas ready${trouble ? `: ${trouble}` : ''}`;
}
