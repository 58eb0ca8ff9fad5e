import { toMs } from '../../core/duration.ts';
import type { Desired } from '../../core/rollout.ts';
import type { Observation, ReplicaState } from '../../core/target.ts';
import { answersOf, type TrafficCount } from '../../core/traffic.ts';
import { replicasOf } from '../cluster-config.ts';
import type { StoredState } from '../store/store.ts';
import { ClusterCache } from './cluster-cache.ts';
import type { Converger } from './converge.ts';
import type { TargetOptions } from './open-target.ts';
import { PodDisturbances } from './pod-disturbances.ts';
import { PodMemory } from './pod-memory.ts';
import { type ClusterView, replicaStates } from './pods.ts';
import { StableWatch } from './stable-watch.ts';
import { StateFeed } from './state-feed.ts';
import { TrafficReader } from './traffic-reader.ts';

export interface ObserverOptions extends TargetOptions {
  readonly converger: Converger;
}

/** How long to wait when nothing changes, and how long for what changes together. */
const everyMs = 50;
const togetherMs = 10;
/** How long replicas are held back for an agent that has said nothing yet. */
const agentMs = 5_000;
/** The same at most for one that takes the place of another: no deadline of the replicas may run out meanwhile. */
const agentAgainMs = 20_000;
/** How long the first lists may take. */
const listMs = 3_000;

/** What is desired and what is there, as levels: put together anew for each look. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #memory = new PodMemory();
  readonly #disturbances = new PodDisturbances();
  readonly #cache: ClusterCache;
  readonly #feed: StateFeed;
  readonly #traffic: TrafficReader;
  readonly #stable: StableWatch;
  #isStarted = false;
  #wake: () => void = () => undefined;
  #isChanged = false;
  #agentSince: number | undefined;
  #unwatchedSince: number | undefined;
  #wasWatched = false;
  #isAgentStarted = false;
  #listedAt = 0;
  #counted: readonly TrafficCount[] = [];
  readonly #onAbort = () => this.#wake();

  constructor(options: ObserverOptions) {
    this.#options = options;
    const { store } = options;
    const onChange = () => this.#change();
    this.#cache = new ClusterCache({ ...options, onChange });
    // What was watched before the API went away may have missed what happened meanwhile.
    this.#feed = new StateFeed({ store, onChange, onReturn: () => this.#list() });
    this.#traffic = new TrafficReader(options);
    this.#stable = new StableWatch(options.trace);
  }

  /** As it was read or written last. */
  get state(): StoredState | undefined {
    return this.#feed.state;
  }

  /** How many requests a replica had failed when it was looked at last. */
  errorsOf(id: string): number {
    return answersOf(this.#counted.filter(({ replica }) => replica === id)).errors;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#feed.start();
    this.#list();
  }

  take(state: StoredState): void {
    this.#feed.take(state);
  }

  /** Undefined: nothing is known yet, and it is too early to call it unreachable. */
  look(): Observation | undefined {
    const at = Date.now();
    const isKnown = this.#feed.isFresh && this.#cache.isWhole;
    if (!isKnown) {
      const isLate = performance.now() - this.#listedAt > listMs;
      const cause = this.#feed.cause ?? (isLate ? 'it does not list what runs' : undefined);
      return cause === undefined ? undefined : { kind: 'unreachable', at, cause };
    }
    const desired = this.state?.desired ?? { replicas: replicasOf(this.#options.config) };
    const { view } = this.#cache;
    const replicas = this.#replicas(desired, view);
    const traffic = this.#traffic.read(desired, replicas);
    this.#counted = traffic;
    return { kind: 'seen', at, desired, replicas, traffic, disturbances: this.#disturbed(desired, view) };
  }

  /** Something changed since it was asked last, or a while passed. */
  async changed(signal: AbortSignal): Promise<void> {
    if (!this.#isChanged) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, everyMs);
      signal.addEventListener('abort', this.#onAbort);
      await promise;
      signal.removeEventListener('abort', this.#onAbort);
      clearTimeout(timer);
    }
    await Bun.sleep(togetherMs);
    this.#isChanged = false;
  }

  /** Whether the Deployment is another than was written last. */
  get isChangedByOthers(): boolean {
    const { written } = this.#options.converger;
    const { uid, generation = 0 } = this.#cache.view.deployment?.metadata ?? {};
    return written !== undefined && (uid !== written.uid || generation > written.generation);
  }

  startAgent(desired: Desired, signal: AbortSignal): void {
    const { agent, trace } = this.#options;
    this.#agentSince ??= performance.now();
    if (!agent || this.#isAgentStarted) return;
    this.#isAgentStarted = true;
    agent.start(desired, signal).catch((error: unknown) => {
      this.#isAgentStarted = false;
      trace(`the agent could not be started: ${error}`);
    });
  }

  /** What cannot be removed now goes by its own deadline. */
  async stopAgent(signal: AbortSignal): Promise<void> {
    const { agent, trace } = this.#options;
    this.#isAgentStarted = false;
    this.#agentSince = undefined;
    this.#unwatchedSince = undefined;
    this.#wasWatched = false;
    await agent?.stop(signal).catch((error: unknown) => trace(`the agent could not be removed: ${error}`));
  }

  close(): void {
    this.#feed.close();
    this.#cache.stop();
    this.#traffic.close();
    this.#options.agent?.close();
    this.#wake();
  }

  #replicas(desired: Desired, view: ClusterView): readonly ReplicaState[] {
    const { converger } = this.#options;
    for (const pod of view.pods) this.#memory.see(pod);
    this.#stable.see(desired, view);
    return replicaStates({
      ...view,
      desired,
      memory: this.#memory,
      images: converger.images,
      isWatched: this.#isWatched(desired),
      generation: converger.written?.generation ?? 0,
    });
  }

  #disturbed(desired: Desired, view: ClusterView): readonly string[] {
    const agent = this.#options.agent?.isRemade ? ['the agent was deleted, and another goes on'] : [];
    return [...this.#disturbances.see(desired, view), ...agent, ...this.#feed.late];
  }

  /** A short watch must not begin before there is somebody to ask: errors that nobody sees are no good release. */
  #isWatched({ rollout }: Desired): boolean {
    const { agent } = this.#options;
    if (!agent || !rollout || rollout.judged || rollout.kind === 'rollback') return true;
    if (agent.hasReported) this.#wasWatched = true;
    if (agent.hasReported || agent.cannotRun !== undefined) {
      this.#unwatchedSince = undefined;
      return true;
    }
    if (this.#agentSince === undefined) return false;
    this.#unwatchedSince ??= performance.now();
    return performance.now() - this.#unwatchedSince > this.#agentPatienceMs;
  }

  get #agentPatienceMs(): number {
    if (!this.#wasWatched) return agentMs;
    return Math.min(agentAgainMs, toMs(this.#options.config.deadlines.start) / 2);
  }

  #list(): void {
    this.#listedAt = performance.now();
    this.#cache.start();
  }

  #change(): void {
    this.#isChanged = true;
    this.#wake();
  }
}
