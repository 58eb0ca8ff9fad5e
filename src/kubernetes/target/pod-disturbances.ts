import type { IPod } from 'kubernetes-models/v1';
import { type Desired, givesWay, type Running } from '../../core/rollout.ts';
import { labels, releaseLabel } from '../manifests/names.ts';
import { conditionOf, endsOf, lastEndOf } from './pod-status.ts';
import type { ClusterView } from './pods.ts';

/** How long what takes a pod away is waited for: that its ReplicaSet wants fewer may be told after it. */
const usualSettleMs = 500;

interface Known {
  readonly pod: IPod;
  readonly role: Role;
  /** How often it had ended when it was first seen. */
  readonly ends: number;
  /** How many its ReplicaSet wanted while it stood. */
  readonly wanted: number;
  goneSince?: number;
}

type Role = 'stable' | 'candidate';

/**
 * What others did to the pods of a rollout. Until it is over Causeway takes away no pod of what is stable or the
 * candidate: one that goes was deleted or evicted, unless its ReplicaSet wants fewer by then.
 */
export class PodDisturbances {
  readonly #now: () => number;
  readonly #settleMs: number;
  readonly #pods = new Map<string, Known>();
  readonly #found = new Set<string>();
  #rollout: string | undefined;

  constructor({ now = () => performance.now(), settleMs = usualSettleMs } = {}) {
    this.#now = now;
    this.#settleMs = settleMs;
  }

  /** All since the rollout was first seen. */
  see(desired: Desired, view: ClusterView): readonly string[] {
    const { rollout } = desired;
    if (rollout?.id !== this.#rollout) {
      this.#pods.clear();
      this.#found.clear();
    }
    this.#rollout = rollout?.id;
    if (!rollout || givesWay(desired)) return [...this.#found];
    const standing = new Set<string>();
    for (const pod of view.pods) {
      const role = roleOf(pod, desired);
      if (!role || pod.metadata?.deletionTimestamp !== undefined) continue;
      standing.add(uidOf(pod));
      this.#stands(pod, role, view);
    }
    for (const [uid, known] of this.#pods) if (!standing.has(uid)) this.#isGone(uid, known, desired, view);
    return [...this.#found];
  }

  #stands(pod: IPod, role: Role, view: ClusterView): void {
    const known = this.#pods.get(uidOf(pod));
    const ends = known?.ends ?? endsOf(pod);
    this.#pods.set(uidOf(pod), { pod, role, ends, wanted: wantedFor(pod, view) });
    // That of a candidate is told by its verdict.
    if (role === 'stable' && endsOf(pod) > ends) this.#found.add(`${nameOf(pod, role)} ${howEnded(pod)}`);
  }

  #isGone(uid: string, known: Known, desired: Desired, view: ClusterView): void {
    known.goneSince ??= this.#now();
    const isOurs = roleOf(known.pod, desired) === undefined || wantedFor(known.pod, view) < known.wanted;
    if (!isOurs && this.#now() - known.goneSince < this.#settleMs) return;
    this.#pods.delete(uid);
    if (isOurs) return;
    const last = view.pods.find((pod) => uidOf(pod) === uid) ?? known.pod;
    const isEvicted = conditionOf(last, 'DisruptionTarget')?.status === 'True';
    this.#found.add(`${nameOf(last, known.role)} was ${isEvicted ? 'evicted' : 'deleted'}`);
  }
}

function roleOf(pod: IPod, { stable, candidate }: Desired): Role | undefined {
  if (isOf(pod, stable)) return 'stable';
  return isOf(pod, candidate) ? 'candidate' : undefined;
}

function isOf({ metadata }: IPod, running: Running | undefined): boolean {
  if (!running) return false;
  const own = metadata?.labels ?? {};
  return (
    own[labels.release] === releaseLabel(running.release.id) && own[labels.secretSet] === running.secretSet
  );
}

function wantedFor({ metadata }: IPod, { replicaSets }: ClusterView): number {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller)?.uid;
  return replicaSets.find((set) => set.metadata?.uid === owner)?.spec?.replicas ?? 0;
}

function howEnded(pod: IPod): string {
  const { exitCode, reason } = lastEndOf(pod) ?? {};
  if (reason === 'OOMKilled') return 'ran out of memory and was started again';
  return `ended with exit code ${exitCode ?? 'unknown'} and was started again`;
}

function nameOf({ metadata }: IPod, role: Role): string {
  return `${role} replica ${metadata?.name ?? ''}`;
}

function uidOf({ metadata }: IPod): string {
  return metadata?.uid ?? '';
}
