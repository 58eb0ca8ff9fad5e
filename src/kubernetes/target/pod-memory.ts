import type { IPod } from 'kubernetes-models/v1';
import { endsOf, isReadyPod } from './pod-status.ts';

/** What one look at a pod does not show. */
export interface Remembered {
  /** How often its container had ended when the pod was first seen ready. */
  endsWhenReady(uid: string): number | undefined;
  /** How long something has been seen without a break. */
  standsMs(what: string): number;
}

/** What was seen of pods while they were watched. Losing it costs some certainty, nothing else. */
export class PodMemory implements Remembered {
  readonly #ready = new Map<string, number>();
  readonly #since = new Map<string, { readonly first: number; last: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  see(pod: IPod): void {
    const uid = pod.metadata?.uid ?? '';
    if (isReadyPod(pod) && !this.#ready.has(uid)) this.#ready.set(uid, endsOf(pod));
  }

  endsWhenReady(uid: string): number | undefined {
    return this.#ready.get(uid);
  }

  standsMs(what: string): number {
    const now = this.#now();
    const known = this.#since.get(what);
    if (known && now - known.last < breakMs) {
      known.last = now;
      return now - known.first;
    }
    this.#since.set(what, { first: now, last: now });
    return 0;
  }
}

/** Looks are a second apart at most; what was not seen for longer is seen anew. */
const breakMs = 3_000;
