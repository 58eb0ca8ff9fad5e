import type { IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IEvent, IPod } from 'kubernetes-models/v1';
import { belongsTo, type Desired, givesWay, type Running, runningKey } from '../../core/rollout.ts';
import type { ReplicaState } from '../../core/target.ts';
import { labels, releaseLabel } from '../manifests/names.ts';
import type { Remembered } from './pod-memory.ts';
import { container, endsOf, isReadyPod, isStopped } from './pod-status.ts';
import { refusalOf, troubleOf } from './trouble.ts';

/** All that is seen of an environment's replicas, as the API has it. */
export interface ClusterView {
  readonly deployment: IDeployment | undefined;
  readonly replicaSets: readonly IReplicaSet[];
  readonly pods: readonly IPod[];
  readonly events: readonly IEvent[];
}

export interface StatesOptions extends ClusterView {
  readonly desired: Desired;
  readonly memory: Remembered;
  /** By the release's id: the image by which its pods are told from what others made of the Deployment. */
  readonly images: ReadonlyMap<string, string>;
  /** Whether the candidate is watched from outside already, so that ready ones may count. */
  readonly isWatched: boolean;
  /** Of which the controllers have not told yet that they act on it. */
  readonly generation: number;
}

/**
 * The replicas, each by what it runs. A ReplicaSet that still wants pods, or cannot make them, is one as well, so that
 * nothing counts as gone before it is.
 */
export function replicaStates(options: StatesOptions): readonly ReplicaState[] {
  const { deployment, replicaSets, pods } = options;
  const own = replicaSets.filter((set) => isOwnedBy(set, deployment));
  const others = deployment ? replicaSets.filter((set) => !own.includes(set)) : [];
  const foreign = new Set(others.map(({ metadata }) => metadata?.uid));
  const mine = pods.filter(
    (pod) =>
      ownerOf(pod) !== undefined &&
      !foreign.has(ownerOf(pod)) &&
      !hasEnded(pod) &&
      !hasStopped(pod) &&
      !isForgotten(pod, options.memory),
  );
  const sets = deployment ? own : replicaSets;
  const found = [
    ...mine.map((pod) => podState(options, pod)),
    ...sets.flatMap((set) => setState(options, set, mine)),
  ];
  return found.some((state) => !belongsTo(state, options.desired.stable))
    ? found
    : [...found, ...unsettled(options)];
}

function podState(options: StatesOptions, pod: IPod): ReplicaState {
  const { desired, events, memory, isWatched } = options;
  const { key, release } = whatRuns(
    options,
    pod.metadata?.labels,
    imageOf(pod.spec),
    pod.metadata?.annotations,
  );
  const id = pod.metadata?.name ?? '';
  if (isLeaving(pod)) return { id, key, release, phase: 'draining', restarts: 0 };
  const own = events.filter(({ involvedObject }) => involvedObject.uid === pod.metadata?.uid);
  const trouble = troubleOf({ pod, events: own, memory });
  const isCandidate = desired.candidate !== undefined && key === runningKey(desired.candidate);
  const isReady = isReadyPod(pod) && (isWatched || !isCandidate);
  const restarts = trouble?.isConclusive ? Math.max(0, endsOf(pod)) : 0;
  return {
    id,
    key,
    release,
    phase: isReady ? 'ready' : 'starting',
    restarts,
    ...(trouble ? { trouble } : {}),
  };
}

/** Of a ReplicaSet whose pods are not all there. */
function setState(options: StatesOptions, set: IReplicaSet, pods: readonly IPod[]): readonly ReplicaState[] {
  const { desired, memory } = options;
  const { metadata, spec, status } = set;
  const template = spec?.template;
  const what = whatRuns(
    options,
    template?.metadata?.labels,
    imageOf(template?.spec),
    template?.metadata?.annotations,
  );
  const id = metadata?.name ?? '';
  const isWanted = (spec?.replicas ?? 0) > 0;
  const trouble = isWanted
    ? refusalOf(set, { memory, othersLeave: givesWay(desired) || options.pods.some(isLeaving) })
    : undefined;
  if (trouble) return [{ id, ...what, phase: 'starting', restarts: 0, trouble }];
  const isStable = desired.stable !== undefined && what.key === runningKey(desired.stable);
  const isThere = pods.some((pod) => ownerOf(pod) === metadata?.uid);
  const isLeft = isWanted || (status?.replicas ?? 0) > 0;
  return isLeft && !isThere && !isStable ? [{ id, ...what, phase: 'draining', restarts: 0 }] : [];
}

/** While the Deployment's last change is not acted on, pods of the one before may still be made. */
function unsettled({ deployment, generation }: StatesOptions): readonly ReplicaState[] {
  const { metadata, status } = deployment ?? {};
  if (!deployment || (status?.observedGeneration ?? 0) >= Math.max(generation, metadata?.generation ?? 0))
    return [];
  return [{ id: metadata?.name ?? '', key: '', release: '', phase: 'draining', restarts: 0 }];
}

interface What {
  readonly key: string;
  readonly release: string;
}

/** What others made of our template, by `kubectl set image` or `rollout restart`, is no replica of a release. */
function whatRuns(
  { desired, images }: StatesOptions,
  labelled: Readonly<Record<string, string>> | undefined,
  image: string | undefined,
  annotations: Readonly<Record<string, string>> | undefined,
): What {
  const release = labelled?.[labels.release] ?? '';
  const secretSet = labelled?.[labels.secretSet];
  const isForeign = annotations?.[restartedAt] !== undefined;
  const fits = (running: Running) =>
    releaseLabel(running.release.id) === release && running.secretSet === secretSet;
  const running = [desired.stable, desired.candidate].find((one) => one !== undefined && fits(one));
  const wanted = running && images.get(running.release.id);
  if (running && !isForeign && (wanted === undefined || contentOf(wanted) === contentOf(image)))
    return { key: runningKey(running), release: running.release.id };
  const key = secretSet === undefined ? release : `${release}/${secretSet}`;
  return { key: running ? `${key}, changed` : key, release };
}

/** By its digest: a webhook may have nodes pull the same image from a mirror. */
function contentOf(image: string | undefined): string | undefined {
  return image?.slice(image.lastIndexOf('@') + 1);
}

const restartedAt = 'kubectl.kubernetes.io/restartedAt';

/** Of the replica itself: what admission put beside it is not ours. */
function imageOf(spec: Containers | undefined): string | undefined {
  return spec?.containers.find(({ name }) => name === container)?.image;
}

interface Containers {
  readonly containers: readonly { readonly name: string; readonly image?: string | undefined }[];
}

function ownerOf({ metadata }: IPod | IReplicaSet): string | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller)?.uid;
}

export function isOwnedBy(set: IReplicaSet, deployment: IDeployment | undefined): boolean {
  return deployment !== undefined && ownerOf(set) === deployment.metadata?.uid;
}

/** Evicted, or ended with its node: another takes its place, and what is left of it stays until it is collected. */
function hasEnded({ metadata, status }: IPod): boolean {
  const isOver = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  return isOver && metadata?.deletionTimestamp === undefined;
}

/**
 * It leaves, and nothing of it runs any more or is about to: what is left is for its kubelet to clear away, which takes a
 * second or two.
 */
function hasStopped({ metadata, status }: IPod): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const all = [...containerStatuses, ...initContainerStatuses];
  return isLeaving({ metadata }) && all.length > 0 && all.every(isStopped);
}

function isLeaving({ metadata }: Pick<IPod, 'metadata'>): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

/** How long past its grace a replica that leaves is waited for: its node may never come back to tell its end. */
const lostNodeMs = 30_000;

function isForgotten({ metadata }: IPod, memory: Remembered): boolean {
  if (metadata?.deletionTimestamp === undefined) return false;
  const graceMs = (metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
  return memory.standsMs(`${metadata.uid} leaves`) > graceMs + lostNodeMs;
}
