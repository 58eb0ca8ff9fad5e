import { UnreachableError } from '../../core/errors.ts';
import { type Desired, type Running, runningKey } from '../../core/rollout.ts';
import { wordsOf } from '../../core/words-of.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import { fieldManager, namesOf, type Place, releaseLabel } from '../manifests/names.ts';
import { agentObjects } from './agent-objects.ts';
import { followReports } from './follow-reports.ts';
import { countReports, type ProbeCount, type Received, runningOf } from './probe-count.ts';
import type { AgentSetup, Probed } from './setup.ts';

export interface AgentOptions {
  readonly api: Api;
  readonly place: Place;
  /** By digest, as `publishAgent` answers it. */
  readonly image: string;
  readonly config: ClusterConfig;
  readonly trace: (line: string) => void;
  /** How long the Lease may stand still before the switch acts. Default: a minute. */
  readonly staleMs?: number;
}

/** The agent of one environment, as the one who drives a rollout sees it. */
export interface Agent {
  /**
   * Starts it for the rollout that is desired, and reads its reports from then on; idempotent. A cluster that refuses it
   * is told by `cannotRun`. Throws `UnreachableError`.
   */
  start(desired: Desired, signal: AbortSignal): Promise<void>;
  /** Takes it away; what it counted stays. */
  stop(signal: AbortSignal): Promise<void>;
  /** Ends the reading alone, and leaves it where it is. */
  close(): void;
  /** Whether it watches this rollout: it has said something of it, and was not taken away since. */
  readonly hasReported: boolean;
  /** Why it does not run, in the cluster's words: then the rollout must stay attended. */
  readonly cannotRun: string | undefined;
  /** Somebody took it away in this rollout, and it was started anew. */
  readonly isRemade: boolean;
  counts(desired: Desired): readonly ProbeCount[];
}

export function openAgent(options: AgentOptions): Agent {
  return new JobAgent(options);
}

/** How often a Job that is being deleted is looked at. */
const restoreMs = 250;
/** After it comes the lock's own patience, 15 s: the candidate is taken out a minute after whoever drove it has gone. */
const usualStaleMs = 45_000;

class JobAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #received = new Map<string, Received>();
  /** What was desired at any time of this rollout: a candidate that was taken out is still counted as itself. */
  readonly #running = new Map<string, Running>();
  #desired: Desired | undefined;
  #rollout: string | undefined;
  #following: AbortController | undefined;
  #starting: Promise<void> = Promise.resolve();
  #refusal: string | undefined;
  #trouble: string | undefined;
  #isRemade = false;
  /** The pod that reported was taken away, and no other has reported yet. */
  #isAway = false;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  get hasReported(): boolean {
    return this.#received.size > 0 && !this.#isAway;
  }

  get isRemade(): boolean {
    return this.#isRemade;
  }

  get cannotRun(): string | undefined {
    return this.#refusal ?? this.#trouble;
  }

  /** One at a time: what is being made is seen by who stops it. */
  start(desired: Desired, signal: AbortSignal): Promise<void> {
    const started = this.#starting.then(() => this.#start(desired, signal));
    this.#starting = started.catch(() => undefined);
    return started;
  }

  async #start(desired: Desired, signal: AbortSignal): Promise<void> {
    const { rollout } = desired;
    if (!rollout) return;
    this.#remember(desired);
    if (this.#rollout === rollout.id) return;
    try {
      await this.#make(desired, rollout.id, signal);
      this.#refusal = undefined;
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      this.#refusal = error.message;
    }
    this.close();
    this.#received.clear();
    this.#running.clear();
    this.#remember(desired);
    this.#rollout = rollout.id;
    this.#trouble = undefined;
    this.#isRemade = false;
    this.#isAway = false;
    if (this.#refusal === undefined) this.#follow(rollout.id);
  }

  async stop(signal: AbortSignal): Promise<void> {
    const { api, place } = this.#options;
    this.close();
    await this.#starting;
    const rollout = this.#rollout;
    this.close();
    if (rollout === undefined) return;
    this.#rollout = undefined;
    await api.remove(kinds.job, namesOf(place).agentJob(rollout), { signal });
  }

  close(): void {
    this.#following?.abort();
    this.#following = undefined;
  }

  counts(desired: Desired): readonly ProbeCount[] {
    this.#remember(desired);
    return countReports([...this.#received.values()], [...this.#running.values()], Date.now());
  }

  #remember(desired: Desired): void {
    this.#desired = desired;
    for (const running of runningOf(desired)) this.#running.set(runningKey(running), running);
  }

  async #make(desired: Desired, rollout: string, signal: AbortSignal): Promise<void> {
    const { api, place, image, config, staleMs = usualStaleMs } = this.#options;
    const names = namesOf(place);
    if (await api.get(kinds.job, names.agentJob(rollout), signal)) return;
    const [service, state] = await Promise.all([
      api.get(kinds.service, names.service, signal),
      api.get(kinds.configMap, names.state, signal),
    ]);
    const running = runningOf(desired);
    const { clusterIP = names.service, ports = [] } = service?.spec ?? {};
    const setup: AgentSetup = {
      place,
      rollout,
      service: { host: clusterIP, port: ports[0]?.port ?? 80 },
      running: running.map(toProbed),
      staleMs,
      // Neither the service's variables nor where its secrets come from is the agent's concern.
      config: { ...config, env: {}, secrets: {}, hooks: {} },
    };
    const { access, job } = agentObjects({
      setup,
      image,
      pullSecret: config.pullSecret,
      releases: running.map(({ release }) => release.id),
      history: Number(state?.data?.history ?? 1),
    });
    for (const object of access) await api.apply(object, { signal, manager: fieldManager });
    try {
      await api.create(job, { signal });
    } catch (error) {
      if (!(error instanceof ApiRefusal && error.reason === 'AlreadyExists')) throw error;
    }
  }

  /** Its Job is made anew where somebody deleted it; what the one before had counted stays. */
  async #restore(rollout: string, signal: AbortSignal): Promise<void> {
    const { api, place, trace } = this.#options;
    const name = namesOf(place).agentJob(rollout);
    while (!signal.aborted) {
      try {
        const job = await api.get(kinds.job, name, signal);
        if (job && job.metadata?.deletionTimestamp === undefined) return;
        if (!job && this.#desired) {
          await this.#make(this.#desired, rollout, signal);
          this.#isRemade = true;
          return trace(`agent: Job ${name} was deleted, and is made anew`);
        }
      } catch (error) {
        if (signal.aborted) return;
        trace(`agent: ${wordsOf(error)}`);
        if (!(error instanceof UnreachableError)) {
          this.#trouble = wordsOf(error);
          return;
        }
      }
      await Bun.sleep(restoreMs);
    }
  }

  #follow(rollout: string): void {
    const { api, place, trace } = this.#options;
    const following = new AbortController();
    this.#following = following;
    followReports({
      api,
      job: namesOf(place).agentJob(rollout),
      onReport: (report, pod) => {
        this.#trouble = undefined;
        if (report.rollout !== rollout) return;
        if (!this.#received.has(pod)) this.#isAway = false;
        this.#received.set(pod, { report, at: Date.now() });
      },
      onTrouble: (why) => {
        this.#trouble = why;
      },
      onLeaving: () => {
        this.#isAway = true;
      },
      onGone: () => {
        this.#starting = this.#starting.then(() => this.#restore(rollout, following.signal));
      },
      trace,
      signal: following.signal,
    }).catch((error: unknown) => {
      if (following.signal.aborted) return;
      this.#trouble = `its reports cannot be read: ${wordsOf(error)}`;
      trace(`agent: ${this.#trouble}`);
    });
  }
}

function toProbed({ release, secretSet }: Running): Probed {
  const { port, paths, probes } = release.settings;
  return {
    release: releaseLabel(release.id),
    ...(secretSet === undefined ? {} : { secretSet }),
    port,
    paths,
    timeoutMs: probes.timeoutMs,
  };
}
