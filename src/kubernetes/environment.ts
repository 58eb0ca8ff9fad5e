import { homedir } from 'node:os';
import type { Difference } from '../core/difference.ts';
import type {
  DeployRequest,
  Environment,
  LogQuery,
  Receipt,
  RenderRequest,
  RollbackRequest,
  Status,
} from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import type { Outcome } from '../core/roll-out.ts';
import { stateFolder } from '../core/state-folder.ts';
import type { Finding } from '../core/target.ts';
import type { ImageReader } from '../image/store.ts';
import { describeCosts } from './costs.ts';
import { expectStable, expectState } from './expect-state.ts';
import { type Place, placeOf } from './manifests/names.ts';
import { type Cluster, type ReachOptions, reachCluster } from './reach-cluster.ts';

export interface OpenKubernetesOptions extends ReachOptions {
  readonly project: string;
  /** The environment's name. */
  readonly name: string;
  /** Where its images are pushed to, if anywhere. */
  readonly repository: string | undefined;
  /** Who calls. */
  readonly user: string;
}

/**
 * An environment in a namespace of a cluster. Its commands drive the rollouts; what shall be, the records and the lock
 * are the cluster's. What a single command needs is loaded by it alone, so that the others answer sooner.
 */
export function openKubernetes(options: OpenKubernetesOptions): Environment {
  return new KubernetesEnvironment(options);
}

export class KubernetesEnvironment implements Environment {
  readonly name: string;
  readonly costs: string;
  readonly #options: OpenKubernetesOptions;
  readonly #place: Place;
  #cluster: Promise<Cluster> | undefined;
  #hasAgent = false;
  readonly #sayAgent = (isThere: boolean) => {
    this.#hasAgent = isThere;
  };
  /** What differed before `make` put right what is its own. */
  #differed: readonly Difference[] | undefined;

  constructor(options: OpenKubernetesOptions) {
    const { project, name, config } = options;
    this.name = name;
    this.costs = describeCosts(config);
    this.#options = options;
    this.#place = placeOf(project, name, config);
  }

  /** Each rollout says it of itself: an agent watches those whose image it could be given. */
  get whenLeft(): string {
    return this.#hasAgent
      ? 'what is there serves on, and in 60 s the agent takes the candidate out'
      : 'what is there serves on, and nothing watches it, as no agent runs there';
  }

  async locate(signal: AbortSignal): Promise<string> {
    const { api } = await this.#open(signal);
    const { context, server } = api.access;
    return `${context}  ${server}  namespace ${this.#place.namespace}`;
  }

  async status(signal: AbortSignal): Promise<Status> {
    const { readStatus } = await import('./read-status.ts');
    return readStatus(await this.#about(signal), signal);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Status> {
    const { watchStatus } = await import('./watch-status.ts');
    yield* watchStatus(await this.#about(signal), signal);
  }

  async make(signal: AbortSignal): Promise<string | undefined> {
    const { makeEnvironment } = await import('./make.ts');
    const about = await this.#about(signal);
    this.#differed = await this.#driftIfMade(signal);
    return makeEnvironment({ ...about, stateFolder: this.#stateFolder(), signal });
  }

  async deploy(request: DeployRequest, emit: Emit, signal: AbortSignal): Promise<Outcome> {
    const { deployRelease } = await import('./deploy.ts');
    return deployRelease({
      ...(await this.#about(signal)),
      request,
      differed: this.#differed,
      status: (until) => this.status(until),
      sayAgent: this.#sayAgent,
      emit,
      signal,
    });
  }

  async rollback(request: RollbackRequest, emit: Emit, signal: AbortSignal): Promise<Outcome> {
    const { rollBack } = await import('./rollback.ts');
    const about = await this.#about(signal);
    return rollBack({ ...about, request, sayAgent: this.#sayAgent, emit, signal });
  }

  async history(signal: AbortSignal, newest?: number) {
    const { store } = await this.#open(signal);
    const state = newest === undefined ? undefined : await store.readState(signal);
    return state && newest !== undefined ? store.newestRecords(state, newest, signal) : store.history.list();
  }

  async keeps(signal: AbortSignal) {
    const { store } = await this.#open(signal);
    return store.keptReleases(signal);
  }

  async release(id: string) {
    const { store } = await this.#open(never);
    return store.history.release(id);
  }

  async *logs(query: LogQuery, signal: AbortSignal) {
    const { readPodLogs } = await import('./logs.ts');
    yield* readPodLogs({ ...(await this.#about(signal)), query, signal });
  }

  async run(command: readonly string[], signal: AbortSignal): Promise<number> {
    const { runOneOff } = await import('./one-off.ts');
    const term = this.#options.env.TERM;
    return runOneOff({ ...(await this.#aboutStable(signal)), command, term, signal });
  }

  async exec(command: readonly string[], signal: AbortSignal): Promise<number> {
    const { execInReplica } = await import('./exec-in-replica.ts');
    return execInReplica({ ...(await this.#aboutStable(signal)), command, signal });
  }

  async forward(signal: AbortSignal) {
    const { forwardService } = await import('./forward.ts');
    return forwardService({ ...(await this.#aboutStable(signal)), signal });
  }

  async render(request: RenderRequest | undefined, signal: AbortSignal) {
    const { renderObjects } = await import('./render-objects.ts');
    return renderObjects({ ...(await this.#about(signal)), request, signal });
  }

  async preview(request: RenderRequest, signal: AbortSignal) {
    const { previewChanges } = await import('./preview.ts');
    return previewChanges({ ...(await this.#about(signal)), ...request, signal });
  }

  drift(signal: AbortSignal): Promise<readonly Difference[]> {
    return this.#drift(signal);
  }

  down(signal: AbortSignal): Promise<Receipt> {
    return this.takeDown(signal, { isClusterGoing: false });
  }

  async doctor(signal: AbortSignal): Promise<readonly Finding[]> {
    const { checkCluster } = await import('./doctor/doctor.ts');
    try {
      const registry = await this.#registry(signal);
      const { registry: _, ...reached } = await this.#about(signal);
      const about = { ...reached, ...(registry ? { registry } : {}) };
      return await checkCluster({ ...about, now: Date.now, signal });
    } catch (error) {
      // A context that is missing, or a program for credentials that fails, is something to mend too.
      if (!(error instanceof UserError)) throw error;
      return [{ isProblem: true, message: error.message, hint: error.hint }];
    }
  }

  protected async takeDown(signal: AbortSignal, how: { readonly isClusterGoing: boolean }): Promise<Receipt> {
    const { takeDown } = await import('./down/down.ts');
    const about = await this.#about(signal);
    const by = this.#options.user;
    return takeDown({ ...about, ...how, stateFolder: this.#stateFolder(), by, signal });
  }

  /** Reached once: the kubeconfig is read, and what it names is asked for credentials. */
  #open(signal: AbortSignal): Promise<Cluster> {
    this.#cluster ??= reachCluster(this.#options, this.#place, signal).catch((error: unknown) => {
      this.#cluster = undefined;
      throw error;
    });
    return this.#cluster;
  }

  /** What most parts of the target are given. */
  async #about(signal: AbortSignal) {
    return { ...(await this.#open(signal)), place: this.#place, trace: this.#options.trace };
  }

  /** The same, and the release that serves. */
  async #aboutStable(signal: AbortSignal) {
    const about = await this.#about(signal);
    const { desired } = await expectState(about.store, this.#place, signal);
    return { ...about, running: expectStable(desired, this.#place) };
  }

  /** Of the cluster alone: what a cloud made takes long to compare. */
  async #drift(signal: AbortSignal): Promise<readonly Difference[]> {
    const { findDrift } = await import('./drift.ts');
    return findDrift({ ...(await this.#about(signal)), signal });
  }

  /** What keeps it from being read is told by who makes it. */
  async #driftIfMade(signal: AbortSignal): Promise<readonly Difference[]> {
    try {
      const { store } = await this.#open(signal);
      return (await store.readState(signal)) ? await this.#drift(signal) : [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [];
    }
  }

  /** Where `down` keeps the history, and `up` finds it. */
  #stateFolder(): string {
    const { env } = this.#options;
    return stateFolder({ ...env, HOME: env.HOME || homedir() });
  }

  /** Where its images are pushed to, as this machine reaches it. */
  async #registry(signal: AbortSignal): Promise<ImageReader | undefined> {
    const { env } = this.#options;
    const { registry } = this.#options.reach ? await this.#open(signal) : {};
    const repository = registry?.repository ?? this.#options.repository;
    if (repository === undefined) return undefined;
    const [{ dockerCredentials }, { parseReference }, { openRepository }] = await Promise.all([
      import('../image/registry/credentials.ts'),
      import('../image/registry/reference.ts'),
      import('../image/registry/repository.ts'),
    ]);
    const reference = parseReference(repository);
    return openRepository({
      reference,
      credentials: registry?.enter ?? dockerCredentials({ env }),
      emit: () => {},
    });
  }
}

/** For what has no signal of its own: each request has its deadline. */
const never = new AbortController().signal;
