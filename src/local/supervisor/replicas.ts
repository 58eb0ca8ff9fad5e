import { belongsTo, candidateCount, type Desired, type Running, runningKey } from '../../core/rollout.ts';
import type { ReplicaState } from '../../core/target.ts';
import type { TrafficCount } from '../../core/traffic.ts';
import type { Replica } from './replica.ts';

export interface ReplicasOptions {
  readonly create: (running: Running, restarts: number, onChange: () => void) => Replica;
  readonly log: (event: string, details: object) => void;
}

/** A stable replica that ended soon after its start is started again later each time. */
const shortLifeMs = 10_000;
const firstPauseMs = 50;
const longestPauseMs = 5_000;

/** The running copies, brought to what is desired whenever that or one of them changes. */
export class Replicas {
  readonly #options: ReplicasOptions;
  #all: readonly Replica[] = [];
  #desired: Desired = { replicas: 1 };
  #isClosed = false;
  #isDue = false;
  /** Short lives in a row, by what ran. */
  readonly #shortLives = new Map<string, number>();
  readonly #restarts = new Map<string, number>();
  readonly #troubles = new Map<string, string | undefined>();
  /** Before a replica is started again; one that is over is good for one start. */
  readonly #pauses = new Map<string, 'begun' | 'over'>();
  #goneTraffic: readonly TrafficCount[] = [];
  #awaySince: number | undefined = performance.now();
  #change = Promise.withResolvers<void>();

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  get all(): readonly Replica[] {
    return this.#all;
  }

  /** Resolves at the next change of any replica. */
  changed(): Promise<void> {
    return this.#change.promise;
  }

  routable(): readonly Replica[] {
    return this.#all.filter(({ phase }) => phase === 'ready');
  }

  /** Since when none may receive traffic, by `performance.now()`; nothing while one may. */
  get awaySince(): number | undefined {
    return this.#awaySince;
  }

  states(): readonly ReplicaState[] {
    return this.#all.map((replica) => replica.state());
  }

  /** Why the last stable replica ended that did so by itself. */
  lastTrouble(key: string): string | undefined {
    return this.#troubles.get(key);
  }

  /** Whether a replica that was well is on its way out. */
  isLeaving(): boolean {
    return this.#all.some(({ phase, trouble }) => phase === 'draining' && !trouble);
  }

  /** Resolves when of each whose requests were cut it is known whether it has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#all.map((replica) => replica.settled()));
  }

  apply(desired: Desired): void {
    // A first release may take its time; until then nothing was expected.
    if (!this.#desired.stable && desired.stable) this.#awaySince = undefined;
    this.#desired = desired;
    this.#reconcile();
    this.#notify();
  }

  /** Since the rollout began, per replica; those that are gone are counted on. */
  traffic(): readonly TrafficCount[] {
    return [...this.#goneTraffic, ...this.#all.flatMap(countsOf)];
  }

  /** Counts from zero: a rollout begins. */
  resetTraffic(): void {
    this.#goneTraffic = [];
    for (const replica of this.#all) replica.resetTallies();
  }

  /** Retires all, and starts none again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#all.map((replica) => replica.retire()));
  }

  #reconcile(): void {
    this.#isDue = false;
    if (this.#isClosed) return;
    const { stable, candidate, replicas, rollout } = this.#desired;
    for (const counts of [this.#shortLives, this.#restarts, this.#troubles, this.#pauses]) {
      for (const key of counts.keys()) if (!belongsTo({ key }, stable)) counts.delete(key);
    }
    const isHung = rollout?.judged?.kind === 'failed' && rollout.judged.cause === 'hung';
    for (const replica of this.#all) {
      if (!belongsTo(replica, stable) && !belongsTo(replica, candidate)) this.#retire(replica, isHung);
    }
    const stableCount = stable ? (replicas === 'autoscaled' ? 1 : replicas) : 0;
    if (stable) this.#bringStable(stable, stableCount);
    const isConvicted = rollout?.judged !== undefined;
    if (candidate && !isConvicted)
      this.#bringCandidate(candidate, candidateCount(this.#desired, stableCount));
  }

  /** As many as wanted; one that ended is started again, with a pause that grows. */
  #bringStable(stable: Running, wanted: number): void {
    const key = runningKey(stable);
    for (const replica of this.#all) {
      if (replica.key === key && replica.phase === 'ended' && !replica.isRetired) this.#bury(replica);
    }
    const live = this.#all.filter((replica) => replica.key === key && !replica.isRetired);
    for (const replica of live.slice(wanted)) this.#retire(replica);
    const pause = this.#pauses.get(key);
    if (pause === 'begun') return;
    this.#pauses.delete(key);
    const missing = Math.max(0, wanted - live.length);
    const pauseMs = this.#pauseMs(key);
    const startingNow = pauseMs === 0 ? missing : Math.min(missing, pause === 'over' ? 1 : 0);
    for (let count = 0; count < startingNow; count += 1) this.#start(stable);
    if (startingNow < missing) this.#pause(key, pauseMs);
  }

  #pause(key: string, ms: number): void {
    this.#pauses.set(key, 'begun');
    setTimeout(() => {
      this.#pauses.set(key, 'over');
      this.#reconcile();
    }, ms);
  }

  /** Each once: how it ended is what the rollout is judged by. */
  #bringCandidate(candidate: Running, wanted: number): void {
    const key = runningKey(candidate);
    const present = this.#all.filter((replica) => replica.key === key).length;
    for (let count = present; count < wanted; count += 1) this.#start(candidate);
  }

  #start(running: Running): void {
    const key = runningKey(running);
    const replica = this.#options.create(running, this.#restarts.get(key) ?? 0, () => this.#onChange());
    this.#all = [...this.#all, replica];
    void replica.start();
  }

  #retire(replica: Replica, isHung = false): void {
    // One that has ended may have left something, a container say, that goes later.
    void replica.retire({ isHung }).then(() => this.#remove(replica));
  }

  /** A stable replica ended by itself. */
  #bury(replica: Replica): void {
    const { key } = replica;
    this.#shortLives.set(key, replica.ageMs < shortLifeMs ? (this.#shortLives.get(key) ?? 0) + 1 : 0);
    this.#restarts.set(key, (this.#restarts.get(key) ?? 0) + 1);
    this.#troubles.set(key, replica.trouble?.message);
    this.#options.log('replica ended', { replica: replica.id, because: replica.trouble?.message });
    this.#remove(replica);
  }

  /** The first restart is at once. */
  #pauseMs(key: string): number {
    const shortLives = this.#shortLives.get(key) ?? 0;
    return shortLives <= 1 ? 0 : Math.min(firstPauseMs * 2 ** (shortLives - 2), longestPauseMs);
  }

  #remove(replica: Replica): void {
    if (!this.#all.includes(replica)) return;
    this.#all = this.#all.filter((other) => other !== replica);
    if (this.#desired.rollout) this.#goneTraffic = [...this.#goneTraffic, ...countsOf(replica)];
    this.#notify();
  }

  /** Reconciles soon: a replica may say that it changed in the midst of being reconciled. */
  #onChange(): void {
    if (!this.#isDue) queueMicrotask(() => this.#reconcile());
    this.#isDue = true;
    this.#notify();
  }

  #notify(): void {
    this.#awaySince = this.routable().length > 0 ? undefined : (this.#awaySince ?? performance.now());
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers();
    resolve();
  }
}

function countsOf(replica: Replica): readonly TrafficCount[] {
  const { id, key, front, probe } = replica;
  return [
    front.toCount({ source: 'front', replica: id, key }),
    probe.toCount({ source: 'probe', replica: id, key }),
  ];
}
