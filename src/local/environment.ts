import { existsSync, rmSync } from 'node:fs';
import { type LocalConfig, rulesOf } from '../core/config.ts';
import { showMs } from '../core/duration.ts';
import type {
  DeployRequest,
  Environment,
  LogQuery,
  Receipt,
  RollbackRequest,
  Status,
} from '../core/environment.ts';
import { UserError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import type { Outcome } from '../core/roll-out.ts';
import type { Finding } from '../core/target.ts';
import { ControlClient } from './control-client.ts';
import type { FoundEngine } from './engine/find-engine.ts';
import { isHeld, readLiveLock } from './lock.ts';
import { type Paths, pathsOf } from './paths.ts';
import { type Hello, type OneOffStart, protocol } from './protocol.ts';
import type { EnvironmentSettings } from './supervisor/requests.ts';

export interface OpenLocalOptions {
  readonly project: string;
  /** The folder of the config, links resolved. */
  readonly folder: string;
  /** The environment's name. */
  readonly name: string;
  readonly config: LocalConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** The program that runs the supervisor and the replicas. */
  readonly runtime: string;
  /** Told of each request and process. */
  readonly trace: (line: string) => void;
}

/**
 * An environment on this machine: a supervisor that outlives the commands, and what it keeps on the disk. What
 * a single command needs is loaded by it alone, so that the others answer sooner.
 */
export function openLocal(options: OpenLocalOptions): Environment {
  return new LocalEnvironment(options);
}

class LocalEnvironment implements Environment {
  readonly name: string;
  readonly costs = 'nothing: it runs on this machine';
  readonly #options: OpenLocalOptions;
  readonly #paths: Paths;
  readonly #client: ControlClient;

  constructor(options: OpenLocalOptions) {
    this.name = options.name;
    this.#options = options;
    this.#paths = pathsOf({ ...options, environment: options.name });
    this.#client = new ControlClient({ paths: this.#paths, trace: options.trace });
  }

  async status(signal: AbortSignal): Promise<Status> {
    const hello = await this.#hello(signal);
    return hello ? hello.status : this.#statusAtRest();
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Status> {
    while (!signal.aborted) {
      const hello = await this.#client.hello(signal);
      if (!hello) yield await this.#statusAtRest();
      else {
        try {
          for await (const { status } of this.#client.watch(signal)) yield status;
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof UserError)) throw error;
        }
      }
      await Bun.sleep(200);
    }
  }

  async expectNeeds(signal: AbortSignal): Promise<void> {
    await this.#findEngine(signal);
  }

  async make(signal: AbortSignal): Promise<string | undefined> {
    await this.expectNeeds(signal);
    const hello = await this.#client.hello(signal);
    if (hello && fits(hello, this.#options.config)) return undefined;
    const away = hello ? await this.#replace(hello, signal) : undefined;
    await this.#launch(signal);
    return away === undefined
      ? undefined
      : `the supervisor was replaced; the address was away for ${showMs(performance.now() - away)}`;
  }

  async deploy(request: DeployRequest, emit: Emit, signal: AbortSignal): Promise<Outcome> {
    const { release, secrets, by, revision, signedBy } = request;
    await this.#expect(signal);
    await this.#noteOrigin();
    await this.#mendRuntime();
    const body = {
      release,
      secrets,
      by,
      ...(revision === undefined ? {} : { revision }),
      ...(signedBy === undefined ? {} : { signedBy }),
      environment: settingsOfEnvironment(this.#options.config),
    };
    const ask = async () => {
      const { wasDamaged, ...stored } = await this.#store(request, signal);
      // Replicas that were started from a damaged copy may run, and answer nothing well.
      const isAgain = request.isAgain || (wasDamaged && (await this.status(signal)).state === 'degraded');
      return this.#client.follow('/deploy', { ...body, ...stored, isAgain }, emit, signal);
    };
    const outcome = await ask().catch((error: unknown) => {
      // Then the supervisor has removed the copy that was stored before.
      const isDamaged = error instanceof UserError && damages.has(error.code) && release.image !== undefined;
      if (isDamaged) return ask();
      throw error;
    });
    if (outcome.kind === 'unchanged') await this.#expectWell(signal);
    return outcome;
  }

  /** What serves already may have lost its replicas, to damaged files say, which were stored anew: that takes a start. */
  async #expectWell(signal: AbortSignal): Promise<void> {
    const until = performance.now() + rulesOf(this.#options.config).startMs;
    let { state, because } = await this.status(signal);
    while (state === 'degraded' && performance.now() < until) {
      signal.throwIfAborted();
      await Bun.sleep(lookMs);
      ({ state, because } = await this.status(signal));
    }
    if (state !== 'degraded') return;
    throw new UserError({
      code: 'environment_degraded',
      message: `${this.name} is degraded: ${because}`,
      hint: `causeway logs ${this.name} shows what its replicas print`,
    });
  }

  async rollback({ to, trusted, by }: RollbackRequest, emit: Emit, signal: AbortSignal): Promise<Outcome> {
    await this.#expect(signal);
    const body = {
      ...(to === undefined ? {} : { to }),
      ...(trusted === undefined ? {} : { trusted }),
      by,
      environment: settingsOfEnvironment(this.#options.config),
      ...(await this.#engineOfStored(signal)),
    };
    return this.#client.follow('/rollback', body, emit, signal);
  }

  async history(_signal: AbortSignal, newest?: number) {
    const { readRecords } = await import('./history.ts');
    return readRecords(this.#paths.history, newest);
  }

  async keeps() {
    const { readRelease } = await import('./history.ts');
    return (id: string) => readRelease(this.#paths, id) !== undefined;
  }

  async release(id: string) {
    const { openHistory } = await import('./history.ts');
    return openHistory(this.#paths).release(id);
  }

  async *logs(query: LogQuery, signal: AbortSignal) {
    const { readLogs } = await import('./read-logs.ts');
    yield* readLogs(this.#paths.logs, query, signal);
  }

  async run(command: readonly string[], signal: AbortSignal): Promise<number> {
    await this.#expect(signal);
    const start = await this.#client.call<OneOffStart>('/one-off', {}, signal);
    const { runInTerminal } = await import('./run-in-terminal.ts');
    const { env, trace } = this.#options;
    return runInTerminal({ start, command, env, trace, signal });
  }

  async down(signal: AbortSignal): Promise<Receipt> {
    const { clearAway, endProcess, forbidReturn, holderOf, sendSignal } = await import('./down.ts');
    const before = await this.#client.hello(signal).catch(nothingIfSilent);
    const { countInEngines } = await import('./supervisor/container-leftovers.ts');
    const inEngines = await countInEngines(this.#paths);
    const holder = holderOf(this.#paths, before);
    // Before it is asked to stop: one that ends otherwise meanwhile must not be started again either.
    forbidReturn(this.#paths);
    if (before) await this.#askToStop(signal).catch((error: unknown) => this.#allowReturn(error));
    // One that is being started again this moment has its lock by now, or sees that it must not.
    const found = readLiveLock(this.#paths) ?? holder;
    const wasAsked = before !== undefined && found?.pid === before.pid;
    if (found && !wasAsked) sendSignal(found, 'SIGTERM');
    if (found) await endProcess(found, wasAsked ? stopMs : unheardMs);
    return clearAway(this.#paths, this.name, { before: before?.status, holder: found, inEngines });
  }

  async doctor(): Promise<readonly Finding[]> {
    const { checkLocal } = await import('./doctor.ts');
    const { project, folder, config, env } = this.#options;
    return checkLocal({
      paths: this.#paths,
      name: this.name,
      project,
      folder,
      config,
      env,
      client: this.#client,
    });
  }

  /** The engine of this machine, where replicas are containers. Throws `engine_missing`. */
  async #findEngine(signal: AbortSignal): Promise<FoundEngine | undefined> {
    const { config, env } = this.#options;
    if (config.runner !== 'container') return undefined;
    const { findEngine } = await import('./engine/find-engine.ts');
    return findEngine(env, signal);
  }

  /**
   * Keeps a copy of what is to be rolled out; tells whether it took the place of a damaged one, and of an image the engine
   * that runs it.
   */
  async #store(
    { release, artifact, image }: DeployRequest,
    signal: AbortSignal,
  ): Promise<{ readonly wasDamaged: boolean; readonly engine?: string }> {
    const { storeImageRelease, storeRelease } = await import('./store.ts');
    if (release.image === undefined) {
      if (!artifact) throw new Error(`release ${release.id} came without its artifact`);
      return { wasDamaged: await storeRelease(this.#paths, release, artifact) };
    }
    if (!image) throw new Error(`release ${release.id} came without its image`);
    const { findEngine } = await import('./engine/find-engine.ts');
    const { engine, platform } = await findEngine(this.#options.env, signal);
    await storeImageRelease(this.#paths, release, { image, platform, signal });
    return { wasDamaged: false, engine: engine.socket };
  }

  /** A rollback may go to a release that is run from an image; whether it does is the supervisor's to find out. */
  async #engineOfStored(signal: AbortSignal): Promise<{ readonly engine?: string }> {
    if (!existsSync(this.#paths.images)) return {};
    const { findEngine } = await import('./engine/find-engine.ts');
    try {
      return { engine: (await findEngine(this.#options.env, signal)).engine.socket };
    } catch (error) {
      if (error instanceof UserError) return {};
      throw error;
    }
  }

  /** Ctrl-C, say: it serves on, and may be started again. */
  #allowReturn(error: unknown): never {
    rmSync(this.#paths.tombstone, { recursive: true, force: true });
    throw error;
  }

  /** One that does not stop in time is ended by who asked. */
  async #askToStop(signal: AbortSignal): Promise<void> {
    const patience = AbortSignal.timeout(stopMs);
    await this.#client.call('/stop', {}, AbortSignal.any([signal, patience])).catch((error: unknown) => {
      const hasEnded = error instanceof UserError && error.code === 'supervisor_failed';
      if (signal.aborted || !(patience.aborted || hasEnded)) throw error;
    });
  }

  /** The supervisor of another version goes; when it went, by `performance.now()`. */
  async #replace({ pid }: Hello, signal: AbortSignal): Promise<number> {
    const lock = readLiveLock(this.#paths);
    const left = performance.now();
    const { endProcess, forbidReturn } = await import('./down.ts');
    forbidReturn(this.#paths);
    await this.#askToStop(signal).catch((error: unknown) => this.#allowReturn(error));
    if (lock?.pid === pid) await endProcess(lock, stopMs);
    return left;
  }

  async #launch(signal: AbortSignal): Promise<void> {
    const { project, runtime, trace, env, name, config, folder } = this.#options;
    const { port } = config;
    const { launchSupervisor } = await import('./launch.ts');
    await this.#statusAtRest(); // Refuses what a newer Causeway has written.
    await this.#noteOrigin();
    const about = { paths: this.#paths, project, folder, environment: name, port, runtime, env, trace };
    await launchSupervisor({ ...about, client: this.#client }, signal);
  }

  /** So that it can be found and taken down when its config is broken, renamed or gone. */
  async #noteOrigin(): Promise<void> {
    const { storeOrigin } = await import('./stored.ts');
    const { makeFolder } = await import('./durable.ts');
    const { project, folder, name, config } = this.#options;
    makeFolder(this.#paths.root);
    storeOrigin(this.#paths.root, { project, folder, name, config });
  }

  /** Replicas are started from it; a state folder that was deleted has lost it. */
  async #mendRuntime(): Promise<void> {
    if (existsSync(this.#paths.runtime)) return;
    const { placeRuntime } = await import('./launch.ts');
    const { name, runtime, config } = this.#options;
    await placeRuntime({ paths: this.#paths, environment: name, port: config.port, runtime });
  }

  /** What the supervisor says of itself; one that crashed this moment is waited for while it is on its way back. */
  async #hello(signal: AbortSignal): Promise<Hello | undefined> {
    const until = performance.now() + revivalMs;
    let hello = await this.#client.hello(signal);
    while (!hello && isHeld(this.#paths) && performance.now() < until) {
      await Bun.sleep(50);
      hello = await this.#client.hello(signal);
    }
    return hello;
  }

  /** A supervisor of this version answers, where the config says. */
  async #expect(signal: AbortSignal): Promise<void> {
    const hello = await this.#hello(signal);
    const hint = `causeway up ${this.name}`;
    if (!hello) throw await this.#silence(hint);
    if (hello.protocol !== protocol) {
      throw new UserError({
        code: 'supervisor_other',
        message: `the supervisor of ${this.name} speaks protocol ${hello.protocol}, this command ${protocol}`,
        hint,
      });
    }
    if (!fits(hello, this.#options.config)) {
      const { port } = this.#options.config;
      const message = `${this.name} is open at ${hello.status.url}, and the config says port ${port}`;
      throw new UserError({ code: 'environment_elsewhere', message, hint });
    }
  }

  async #silence(hint: string): Promise<UserError> {
    const { state } = await this.#statusAtRest();
    return state === 'absent'
      ? new UserError({ code: 'environment_missing', message: `${this.name} is not up`, hint })
      : new UserError({
          code: 'environment_stopped',
          message: `nothing runs on ${this.name}: its supervisor has ended`,
          hint,
        });
  }

  async #statusAtRest(): Promise<Status> {
    const { readDesired } = await import('./desired.ts');
    const desired = readDesired(this.#paths);
    const stable = typeof desired === 'object' ? desired.stable : undefined;
    const about = { environment: this.name, target: 'local' as const, running: [] };
    if (desired === 'missing') return { ...about, state: 'absent' };
    return {
      ...about,
      state: 'stopped',
      because: 'its supervisor has ended',
      ...(stable ? { stable: { release: stable.release.id } } : {}),
    };
  }
}

/** How it is told that what is kept of an image is not what it should be. */
const damages: ReadonlySet<string> = new Set(['image_corrupt', 'image_not_found']);
/** How long a supervisor may take to let what is in flight finish, before it is ended. */
const stopMs = 120_000;
/** The same, of one that cannot be spoken with. */
const unheardMs = 10_000;
const lookMs = 50;
/** How long one that crashed may take to be back. */
const revivalMs = 6_000;

/** A supervisor that hangs is as good as none where it is ended anyway. */
function nothingIfSilent(error: unknown): undefined {
  if (!(error instanceof UserError)) throw error;
}

/** Whether the supervisor speaks as this command does, and is open where the config says. */
function fits({ protocol: spoken, status }: Hello, { port }: LocalConfig): boolean {
  return spoken === protocol && status.url === `http://127.0.0.1:${port}`;
}

function settingsOfEnvironment(config: LocalConfig): EnvironmentSettings {
  return { replicas: config.replicas, rules: rulesOf(config) };
}
