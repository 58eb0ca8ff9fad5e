import { homedir } from 'node:os';
import type { KubernetesConfig } from '../core/config.ts';
import type { Difference } from '../core/difference.ts';
import { toMs } from '../core/duration.ts';
import type {
  DeployRequest,
  Environment,
  LogQuery,
  Receipt,
  Registry,
  RenderRequest,
  RollbackRequest,
  Status,
} from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import type { Release } from '../core/release.ts';
import { findReturn, refuseWithoutSecrets } from '../core/return-to.ts';
import { type Outcome, type RolloutContext, rollOut } from '../core/roll-out.ts';
import type { Desired, Running } from '../core/rollout.ts';
import { stateFolder } from '../core/state-folder.ts';
import type { Finding } from '../core/target.ts';
import type { ImageReader } from '../image/store.ts';
import type { ClusterAccess } from './api/access.ts';
import type { Api } from './api/api.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { describeCosts } from './costs.ts';
import { type Place, placeOf } from './manifests/names.ts';
import type { Reach } from './reach.ts';
import type { Store, StoredState } from './store/store.ts';
import type { StoredRelease } from './store/stored-release.ts';

export interface OpenKubernetesOptions {
  readonly project: string;
  /** The environment's name. */
  readonly name: string;
  readonly config: KubernetesConfig;
  /** Of the command line; wins over the config's. */
  readonly context: string | undefined;
  /** Where its images are pushed to, if anywhere. */
  readonly repository: string | undefined;
  /** Who calls. */
  readonly user: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of a cloud: how the cluster that it made is reached. Default: by the kubeconfig. */
  readonly reach?: (signal: AbortSignal) => Promise<Reach>;
  /** Told of each request and process. */
  readonly trace: (line: string) => void;
  /** Told what takes seconds, once. */
  readonly say: (line: string) => void;
}

/** What an environment is reached by. */
export interface Cluster {
  readonly api: Api;
  readonly store: Store;
  readonly config: ClusterConfig;
  /** Where a cloud brings one. */
  readonly registry?: Registry;
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
    const { release, pullFrom, agentImage, secrets, by, revision, signedBy, isAgain } = request;
    if (pullFrom === undefined) throw new Error(`release ${release.id} came without its repository`);
    const { api, store } = await this.#open(signal);
    const { desired, ...state } = await this.#expectState(store, signal);
    const { refuseWhileDown } = await import('./target/lease.ts');
    await refuseWhileDown({ api, place: this.#place, signal });
    const inUse = [desired.candidate?.secretSet, desired.stable?.secretSet];
    const secretSet = await store.storeSecrets(secrets, { inUse, isFresh: isAgain }, signal);
    const running: Running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
    const rendered = await this.#publish({ release, pullFrom }, store, signal);
    const { config } = this.#options;
    const replicas = config.autoscale ? 'autoscaled' : config.replicas;
    const asked = {
      kind: 'deploy',
      running,
      by,
      replicas,
      surge: config.surge,
      isAgain,
      mends: true,
      ...(revision === undefined ? {} : { revision }),
      ...(signedBy === undefined ? {} : { signedBy }),
    } as const;
    const driven = { by, agentImage: agentImage ?? state.agentImage, rendered, emit, signal };
    const isServing = desired.stable?.release.id === release.id && !desired.rollout && !isAgain;
    const differed = isServing ? (this.#differed ?? (await this.#drift(signal))) : [];
    const outcome = await this.#drive(driven, (context) => rollOut(context, asked));
    if (outcome.kind === 'unchanged') {
      await this.#expectWell(signal);
      if (differed.length > 0) await this.#tellMended(differed, emit, signal);
    }
    return outcome;
  }

  async rollback({ to, trusted, by }: RollbackRequest, emit: Emit, signal: AbortSignal): Promise<Outcome> {
    const { store } = await this.#open(signal);
    const state = await this.#expectState(store, signal);
    const { agentImage } = state;
    if (state.desired.rollout) {
      const { endOther } = await import('./end-other.ts');
      const about = await this.#about(signal);
      const ended = await endOther(
        { ...about, rollout: state.desired.rollout, by, emit, signal },
        (takeOut) => this.#drive({ by, agentImage, emit, signal }, takeOut),
      );
      if (to === undefined || ended.kind === 'unknown') return ended;
    }
    const { desired } = await this.#expectState(store, signal);
    const { stable } = desired;
    const release = await findReturn({
      environment: this.name,
      records: await store.history.list(),
      stable: stable?.release.id,
      to,
      trusted,
      read: async (id) => (await store.readRelease(id, signal))?.release,
    });
    const secretSet = release.settings.secrets.length === 0 ? undefined : stable?.secretSet;
    const held = secretSet === undefined ? {} : await store.readSecrets(secretSet, signal);
    refuseWithoutSecrets(release, held ?? {}, this.name);
    const running: Running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
    const { config } = this.#options;
    const replicas = config.autoscale ? 'autoscaled' : config.replicas;
    return this.#drive({ by, agentImage, emit, signal }, (context) =>
      rollOut(context, { kind: 'rollback', running, by, replicas, surge: config.surge }),
    );
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
    const { store } = await this.#open(signal);
    const { desired } = await this.#expectState(store, signal);
    const running = this.#stableOf(desired);
    const term = this.#options.env.TERM;
    return runOneOff({ ...(await this.#about(signal)), running, command, term, signal });
  }

  async exec(command: readonly string[], signal: AbortSignal): Promise<number> {
    const { execInReplica } = await import('./exec-in-replica.ts');
    const { store } = await this.#open(signal);
    const { desired } = await this.#expectState(store, signal);
    return execInReplica({
      ...(await this.#about(signal)),
      running: this.#stableOf(desired),
      command,
      signal,
    });
  }

  async forward(signal: AbortSignal) {
    const { forwardService } = await import('./forward.ts');
    const { store } = await this.#open(signal);
    const { desired } = await this.#expectState(store, signal);
    return forwardService({ ...(await this.#about(signal)), running: this.#stableOf(desired), signal });
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
    this.#cluster ??= this.#reach(signal).catch((error: unknown) => {
      this.#cluster = undefined;
      throw error;
    });
    return this.#cluster;
  }

  async #reach(signal: AbortSignal): Promise<Cluster> {
    const { config, trace } = this.#options;
    const [{ openApi }, { openStore }, reach] = await Promise.all([
      import('./api/open-api.ts'),
      import('./store/open-store.ts'),
      this.#options.reach?.(signal),
    ]);
    const access = reach ? await this.#accessOfCloud(reach) : await this.#accessOfContext(signal);
    const api = openApi({ access, namespace: this.#place.namespace, trace });
    const store = openStore({ api, place: this.#place });
    if (!reach) return { api, store, config };
    const exposure = { kind: 'cloud', url: reach.url, ...reach.exposure } as const;
    return { api, store, config: { ...config, exposure }, registry: reach.registry };
  }

  /** Its API server is out in the world, so the way to it may be by the shell's proxy. */
  async #accessOfCloud({ access }: Reach): Promise<ClusterAccess> {
    const { findProxy } = await import('./kubeconfig/find-proxy.ts');
    const { env } = this.#options;
    const proxy = findProxy({ server: access.server, proxyUrl: access.proxy, env });
    return proxy === undefined ? access : { ...access, proxy };
  }

  async #accessOfContext(signal: AbortSignal) {
    const { config, context = config.context, env, say, trace } = this.#options;
    const { openAccess } = await import('./kubeconfig/open-access.ts');
    return openAccess({ context, env, home: env.HOME ?? homedir(), say, trace, signal });
  }

  /** What most parts of the target are given. */
  async #about(signal: AbortSignal) {
    return { ...(await this.#open(signal)), place: this.#place, trace: this.#options.trace };
  }

  /** What serves already was put right where somebody had taken parts of it away: that takes as long as a start. */
  async #expectWell(signal: AbortSignal): Promise<void> {
    const { waitUntil } = await import('./wait-until.ts');
    let because: string | undefined;
    const startMs = toMs(this.#options.config.deadlines.start);
    const isWell = await waitUntil(startMs, signal, async () => {
      ({ because } = await this.status(signal));
      return because === undefined;
    });
    if (isWell) return;
    throw new UserError({
      code: 'environment_degraded',
      message: `${this.name} is degraded: ${because}`,
      hint: `causeway up ${this.name} makes what is missing; causeway doctor ${this.name} looks at the rest`,
    });
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

  /** Of what differed before, that which does so no more; and what is left, which `deploy` does not make. */
  async #tellMended(before: readonly Difference[], emit: Emit, signal: AbortSignal): Promise<void> {
    const left = await this.#drift(signal);
    const isLeft = ({ object, field }: Difference) =>
      left.some((one) => one.object === object && one.field === field);
    const differences = before.filter((one) => !isLeft(one));
    if (differences.length > 0) emit({ kind: 'mended', differences });
    if (left.length === 0) return;
    const objects = [...new Set(left.map(({ object }) => object))].join(', ');
    const message = `left as it differs: ${objects}`;
    const hint = `causeway drift ${this.name} shows how, causeway up ${this.name} puts it right`;
    emit({ kind: 'noted', notes: [{ isProblem: false, message, hint }] });
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

  async #expectState(store: Store, signal: AbortSignal): Promise<StoredState> {
    const state = await store.readState(signal);
    if (state) return state;
    throw new UserError({
      code: 'environment_missing',
      message: `${this.name} is not up`,
      hint: `causeway up ${this.name}`,
    });
  }

  #stableOf({ stable }: Desired): Running {
    if (stable) return stable;
    throw new UserError({
      code: 'environment_missing',
      message: `no release serves on ${this.name} yet`,
      hint: `causeway up ${this.name}`,
    });
  }

  /** Keeps the release as it is rendered now; one that was kept before stays as it was rendered then. */
  async #publish(
    { release, pullFrom }: { readonly release: Release; readonly pullFrom: string },
    store: Store,
    signal: AbortSignal,
  ): Promise<StoredRelease> {
    const { renderRelease } = await import('./manifests/render-release.ts');
    const { pullSecret } = this.#options.config;
    const about = { release, pullFrom, place: this.#place };
    const rendered = renderRelease({ ...about, ...(pullSecret === undefined ? {} : { pullSecret }) });
    return store.storeRelease(rendered, signal);
  }

  async #drive(driven: Driven, work: (context: RolloutContext) => Promise<Outcome>): Promise<Outcome> {
    const { driveRollout } = await import('./drive-rollout.ts');
    const about = await this.#about(driven.signal);
    return driveRollout(
      {
        ...about,
        ...driven,
        sayAgent: (isThere) => {
          this.#hasAgent = isThere;
        },
      },
      work,
    );
  }
}

interface Driven {
  readonly by: string;
  readonly agentImage: string | undefined;
  readonly rendered?: StoredRelease;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** For what has no signal of its own: each request has its deadline. */
const never = new AbortController().signal;
