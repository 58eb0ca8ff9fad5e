import type { ReplicaReport } from '../src/kubernetes/agent/report.ts';
import type { Probed } from '../src/kubernetes/agent/setup.ts';
import { Caller, type Outcome } from './caller.ts';
import { ReplicaTally } from './replica-tally.ts';

/** A pod as the probe sees it. */
export interface PodState {
  readonly name: string;
  readonly uid: string;
  readonly address: string;
  readonly isReady: boolean;
  readonly isLeaving: boolean;
  /** How often its containers ended and were started again. */
  readonly restarts: number;
  /** It ended, and nobody had asked it to leave. */
  readonly hasFailed: boolean;
}

/**
 * How long a failure waits before it is counted: the word that a pod leaves may come after the closed connection that
 * came of it.
 */
const settleMs = 500;

/** One replica, asked at its own address. */
export class Replica {
  pod: PodState;
  /** When it failed in transport though it was to answer, by the clock of `performance.now`. */
  troubledAt: readonly number[] = [];
  #isGone = false;
  #wasForced = false;
  readonly probed: Probed;
  readonly #caller: Caller;
  readonly #tally: ReplicaTally;
  readonly #areOthersTroubled: () => boolean;
  #count = 0;

  /** Of the others of its release it is known whether one was in trouble. */
  constructor(pod: PodState, probed: Probed, areOthersTroubled: () => boolean) {
    this.#areOthersTroubled = areOthersTroubled;
    this.pod = pod;
    this.probed = probed;
    this.#caller = new Caller({ host: pod.address, port: probed.port }, { kept: 1 });
    const { release, secretSet } = probed;
    this.#tally = new ReplicaTally({
      name: pod.name,
      release,
      ...(secretSet === undefined ? {} : { secretSet }),
    });
  }

  /** It is to answer, or may still do so on the connection that it has. */
  get isAsked(): boolean {
    return !this.#isGone && (this.pod.isReady || this.pod.isLeaving);
  }

  /** A request of it waits longer than an answer may take; or it was in trouble, and is on its way out. */
  get isStuck(): boolean {
    if (this.#leavesInTrouble) return true;
    const [oldest] = this.#caller.waiting;
    return oldest !== undefined && Date.now() - oldest.since > this.probed.timeoutMs / 2;
  }

  seen(pod: PodState): void {
    const hasDied = pod.restarts > this.pod.restarts || (pod.hasFailed && !this.pod.hasFailed);
    this.pod = pod;
    if (hasDied) this.noteTrouble();
  }

  noteTrouble(at = performance.now()): void {
    this.troubledAt = [...this.troubledAt.filter((earlier) => earlier > at - rememberedMs), at];
  }

  /** Each declared path in turn on a kept and on a new connection; one that leaves is asked on its kept one alone. */
  async ask(): Promise<void> {
    const { paths, timeoutMs } = this.probed;
    const count = this.#count++;
    const path = paths[count % paths.length] ?? '/';
    const { isLeaving } = this.pod;
    const isKept = isLeaving || Math.floor(count / paths.length) % 2 === 0;
    const outcome = await this.#caller.ask({ path, isKept, mayOpen: !isLeaving, timeoutMs });
    if (!outcome) return;
    if (outcome.isRetried) this.#tally.retried();
    if (outcome.ending.kind === 'answered') this.#tally.add(outcome, path);
    else await this.#settle(outcome, path);
  }

  /**
   * What a replica that was well cuts because it leaves is not its fault: a request that it had taken is lost, and a
   * client sends the others elsewhere. But where others of its release hang, it hangs as they do, and not because it leaves.
   */
  async #settle(outcome: Outcome, path: string): Promise<void> {
    const { kind } = outcome.ending;
    const at = performance.now();
    if (!this.pod.isLeaving) await Bun.sleep(settleMs);
    // Whoever ends a pod by force, or takes its node, asks for that.
    if (this.#wasForced) return;
    const wasWell = !this.troubledAt.some((earlier) => earlier < at);
    if (!this.pod.isLeaving || !wasWell || (kind === 'late' && this.#areOthersTroubled())) {
      this.noteTrouble(at);
      this.#tally.add(outcome, path);
    } else if (kind === 'cut' || kind === 'late') this.#tally.lost();
  }

  /** What it had taken and never answered is cut as it ends. */
  get #leavesInTrouble(): boolean {
    return !this.#isGone && this.pod.isLeaving && this.troubledAt.length > 0;
  }

  report(): ReplicaReport {
    return this.#tally.report(this.#caller.waiting);
  }

  /** It is gone; what it counted stays. One that was ready and not about to leave was ended by force, or with its node. */
  close(): void {
    if (this.#isGone) return;
    this.#wasForced = this.pod.isReady && !this.pod.isLeaving;
    if (this.#wasForced || this.#leavesInTrouble) this.noteTrouble();
    this.#isGone = true;
    this.pod = { ...this.pod, isReady: false, isLeaving: true };
    this.#caller.close();
  }
}

/** Longer than a failure of the Service waits to be understood. */
const rememberedMs = 60_000;
