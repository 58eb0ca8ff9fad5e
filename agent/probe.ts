import type { AgentReport } from '../src/kubernetes/agent/report.ts';
import type { AgentSetup, Probed } from '../src/kubernetes/agent/setup.ts';
import { Caller } from './caller.ts';
import { type PodState, Replica } from './replica.ts';
import { ServiceTally } from './service-tally.ts';

/** What the pods are, with what their labels say. */
export interface LabelledPod extends PodState {
  readonly release: string;
  readonly secretSet?: string | undefined;
}

export interface ProbeOptions {
  readonly setup: Pick<AgentSetup, 'rollout' | 'service' | 'running'>;
  /** How long what failed in transport waits to be understood. */
  readonly settleMs?: number;
  /** How long before such a request a replica's trouble may lie and still be what made it fail. */
  readonly beforeMs?: number;
}

/** Of each of the two kinds of requests, per second. */
const ratePerSecond = 60;
/** With many replicas more are sent, so that each is asked often enough to be judged. */
const leastPerReplica = 3;
const mostPerSecond = 300;
/** How many connections to the Service are kept: one would always lead to the same replica. */
const keptToService = 4;

/**
 * Steady requests for the time of a rollout: through the Service, which is what users lose, and at each replica's own
 * address, which is who erred.
 */
export class Probe {
  readonly #setup: ProbeOptions['setup'];
  readonly #replicas = new Map<string, Replica>();
  readonly #service: Caller;
  readonly #serviceTally: ServiceTally;
  /** When the Service was seen to be there last, and from when to when it was not. */
  #serviceSeenAt = performance.now();
  readonly #serviceGone: { readonly from: number; to: number }[] = [];
  #isServiceGone = false;
  #timer: Timer | undefined;
  #ticks = 0;
  #asked = 0;
  #owed = 0;

  constructor({ setup, settleMs, beforeMs }: ProbeOptions) {
    this.#setup = setup;
    this.#service = new Caller(setup.service, { kept: keptToService });
    this.#serviceTally = new ServiceTally({
      wasTroubled: (from, to) => this.#wasTroubled(from, to),
      ...(settleMs === undefined ? {} : { settleMs }),
      ...(beforeMs === undefined ? {} : { beforeMs }),
    });
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), 1000 / ratePerSecond);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#service.close();
    for (const replica of this.#replicas.values()) replica.close();
  }

  /** All pods that there are; one of a release that the setup does not name is not asked. */
  list(pods: readonly LabelledPod[]): void {
    const there = new Set(pods.map(({ uid }) => uid));
    for (const uid of this.#replicas.keys()) if (!there.has(uid)) this.removed(uid);
    for (const pod of pods) this.seen(pod);
  }

  seen(pod: LabelledPod): void {
    const known = this.#replicas.get(pod.uid);
    if (known) known.seen(pod);
    else {
      const probed = this.#probedOf(pod);
      if (probed && pod.address !== '')
        this.#replicas.set(pod.uid, new Replica(pod, probed, () => this.#isTroubled(probed)));
    }
  }

  removed(uid: string): void {
    this.#replicas.get(uid)?.close();
  }

  seeService(isThere: boolean): void {
    const now = performance.now();
    const last = this.#serviceGone.at(-1);
    if (this.#isServiceGone && last) last.to = now;
    else if (!isThere) this.#serviceGone.push({ from: this.#serviceSeenAt, to: now });
    this.#isServiceGone = !isThere;
    this.#serviceSeenAt = now;
  }

  report(): AgentReport {
    return {
      kind: 'report',
      rollout: this.#setup.rollout,
      at: Date.now(),
      service: this.#serviceTally.report(),
      replicas: [...this.#replicas.values()].map((replica) => replica.report()),
    };
  }

  #probedOf({ release, secretSet }: LabelledPod): Probed | undefined {
    return this.#setup.running.find((one) => one.release === release && one.secretSet === secretSet);
  }

  #isTroubled(probed: Probed): boolean {
    return [...this.#replicas.values()].some(
      (replica) => replica.probed === probed && replica.troubledAt.length > 0,
    );
  }

  #tick(): void {
    const asked = [...this.#replicas.values()].filter(({ isAsked }) => isAsked);
    if (!asked.some(({ pod }) => pod.isReady && !pod.isLeaving)) return;
    void this.#askService(this.#ticks++);
    const perSecond = Math.min(mostPerSecond, Math.max(ratePerSecond, leastPerReplica * asked.length));
    for (this.#owed += perSecond / ratePerSecond; this.#owed >= 1; this.#owed -= 1) {
      void asked[this.#asked++ % asked.length]?.ask();
    }
  }

  /** By the paths of what served before, which all that serves has to answer. */
  async #askService(tick: number): Promise<void> {
    const [{ paths, timeoutMs } = { paths: ['/'], timeoutMs: 1_000 }] = this.#setup.running;
    const path = paths[tick % paths.length] ?? '/';
    const isKept = Math.floor(tick / paths.length) % 2 === 0;
    const outcome = await this.#service.ask({ path, isKept, timeoutMs });
    if (outcome) await this.#serviceTally.add(outcome);
  }

  /** What somebody took away is no act of ours, and neither is it a fault of a release. */
  #wasTroubled(from: number, to: number): boolean {
    if (this.#serviceGone.some((gone) => gone.from <= to && gone.to >= from)) return true;
    return [...this.#replicas.values()].some(
      (replica) => replica.isStuck || replica.troubledAt.some((at) => at >= from && at <= to),
    );
  }
}
