import type { z } from 'zod';
import type { Status } from '../../core/environment.ts';
import { UserError } from '../../core/errors.ts';
import type { Release } from '../../core/release.ts';
import { findReturn, patientRules, refuseWithoutSecrets } from '../../core/return-to.ts';
import { type Outcome, type RolloutContext, rollOut, takeOut } from '../../core/roll-out.ts';
import { type Desired, runningKey } from '../../core/rollout.ts';
import { readRelease } from '../history.ts';
import type { OneOffStart } from '../protocol.ts';
import { clearReleases, clearSecrets, readSecrets, storeSecrets } from '../store.ts';
import { Containers, type ContainersOptions } from './containers.ts';
import { describeStatus } from './describe-status.ts';
import { FrontDoor } from './front-door.ts';
import { LocalTarget } from './local-target.ts';
import { clearLogs } from './log-folders.ts';
import { Processes, type ProcessesOptions } from './processes.ts';
import { Replicas } from './replicas.ts';
import type { deploySchema, rollbackSchema } from './requests.ts';
import { type Asked, type Listener, leavingError, RolloutRunner } from './rollout-runner.ts';
import type { Runner } from './runner.ts';
import { TrafficProbe } from './traffic-probe.ts';

export interface SupervisorOptions extends ProcessesOptions, ContainersOptions {
  readonly environment: string;
  readonly desired: Desired;
}

/** Owns the address, the replicas and the rollouts of one environment of this machine. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #front: FrontDoor;
  readonly #replicas: Replicas;
  readonly #probe: TrafficProbe;
  readonly #processes: Processes;
  readonly #containers: Containers;
  readonly #target: LocalTarget;
  readonly #runner: RolloutRunner;
  readonly #goesDown = new AbortController();
  #recovered: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#processes = new Processes(options);
    this.#containers = new Containers(options);
    const runnerOf = (release: Release) => this.#runnerOf(release);
    this.#replicas = new Replicas({
      create: (running, restarts, onChange) =>
        runnerOf(running.release).createReplica(running, restarts, onChange),
      log: options.log,
    });
    const routable = () => this.#replicas.routable();
    this.#front = new FrontDoor({
      routable,
      changed: () => this.#replicas.changed(),
      awaySince: () => this.#replicas.awaySince,
      isExpected: () => this.#target.desired.stable !== undefined,
      isLeaving: () => this.#replicas.isLeaving(),
    });
    this.#probe = new TrafficProbe({ front: this.#front, routable });
    this.#target = new LocalTarget(
      {
        paths: options.paths,
        replicas: this.#replicas,
        front: this.#front,
        probe: this.#probe,
        log: options.log,
        runnerOf,
        goesDown: this.#goesDown.signal,
      },
      options.desired,
    );
    this.#runner = new RolloutRunner({ environment: options.environment, target: this.#target });
  }

  /** Opens the address; throws EADDRINUSE where it is taken. */
  open(port: number): void {
    this.#front.open(port);
  }

  /** Starts what served when an earlier supervisor ended, and ends a rollout that it left half-done. */
  recover(): void {
    this.#recovered = this.#recover().catch((error) =>
      this.#options.log('could not recover', { because: String(error) }),
    );
  }

  async #recover(): Promise<void> {
    const { desired } = this.#target;
    const { candidate, rollout, ...without } = desired;
    const isPromoted = rollout?.judged?.kind === 'good' && candidate !== undefined;
    this.#replicas.apply(isPromoted ? { ...without, stable: candidate } : without);
    if (!rollout) return;
    this.#options.log('rollout found half-done', { rollout: rollout.id });
    const { kind, by } = rollout;
    await this.#runner.run({ kind, by, rules: patientRules }, (context) =>
      takeOut(context, { by: 'the supervisor', reason: 'the supervisor ended in mid-rollout' }),
    );
  }

  /** Rolls a release out, or joins the rollout of it that is under way. */
  async deploy(request: z.infer<typeof deploySchema>, listen: Listener): Promise<Outcome> {
    await this.#recovered;
    const { release, environment, by, revision, signedBy, isAgain, engine } = request;
    if (engine !== undefined) this.#containers.use(engine);
    const { stable, candidate } = this.#target.desired;
    const inUse = [candidate?.secretSet, stable?.secretSet];
    const secretSet = storeSecrets(this.#options.paths, request.secrets, { inUse, isFresh: isAgain });
    const running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
    const key = runningKey(running);
    const { replicas, rules } = environment;
    const asked = {
      kind: 'deploy',
      running,
      by,
      replicas,
      isAgain,
      ...(revision ? { revision } : {}),
      ...(signedBy ? { signedBy } : {}),
    } as const;
    return (
      this.#runner.join(key, listen) ??
      this.#run({ kind: 'deploy', key, by, rules, listen }, (context) => rollOut(context, asked))
    );
  }

  /**
   * Returns to a good release, or joins the rollback to it that is under way; another rollout is taken out, and that is
   * all if none is named.
   */
  async rollback(request: z.infer<typeof rollbackSchema>, listen: Listener): Promise<Outcome> {
    await this.#recovered;
    const { to, trusted, by, environment, engine } = request;
    if (engine !== undefined) this.#containers.use(engine);
    const joined = this.#runner.joinRollback(to, listen);
    if (joined) return joined;
    const takenOut = await this.#runner.giveUp(`taken out by ${by}`, listen);
    if (takenOut && to === undefined) return takenOut;
    const release = await findReturn({
      environment: this.#options.environment,
      records: await this.#target.history.list(),
      stable: this.#target.desired.stable?.release.id,
      to,
      trusted,
      read: async (id) => readRelease(this.#options.paths, id),
    });
    const secretSet = this.#secretSetFor(release);
    const running = { release, ...(secretSet === undefined ? {} : { secretSet }) };
    const { replicas, rules } = environment;
    const key = runningKey(running);
    return (
      this.#runner.joinRollback(key, listen) ??
      this.#run({ kind: 'rollback', key, by, rules, listen }, (context) =>
        rollOut(context, { kind: 'rollback', running, by, replicas }),
      )
    );
  }

  async status(): Promise<Status> {
    return describeStatus({
      environment: this.#options.environment,
      port: this.#front.port,
      desired: this.#target.desired,
      replicas: this.#replicas,
      records: await this.#target.history.list(),
      total: this.#front.total,
      isLeaving: this.#goesDown.signal.aborted,
    });
  }

  /** Resolves when the status may have changed. */
  changed(): Promise<unknown> {
    return this.#replicas.changed();
  }

  /** How a one-off replica of the stable release is started. */
  async oneOffStart(): Promise<OneOffStart> {
    const { stable } = this.#target.desired;
    if (!stable) {
      throw new UserError({
        code: 'environment_missing',
        message: `no release serves on ${this.#options.environment} yet`,
        hint: `causeway up ${this.#options.environment}`,
      });
    }
    return this.#runnerOf(stable.release).oneOffStart(stable);
  }

  /** Takes out a rollout, closes the address, lets what is in flight finish, ends every replica. */
  async stop(): Promise<void> {
    this.#goesDown.abort('ended by down');
    this.#containers.close(leavingError(this.#options.environment));
    await this.#runner.close();
    const ended = this.#replicas.close();
    await Promise.all([this.#front.close(ended), ended]);
    await this.#containers.settled();
  }

  /** What has an image is run from it, whatever the config says now: so a rollback across a change of it works. */
  #runnerOf({ image }: Release): Runner {
    return image === undefined ? this.#processes : this.#containers;
  }

  async #run(asked: Asked, work: (context: RolloutContext) => Promise<Outcome>): Promise<Outcome> {
    const outcome = await this.#runner.run(asked, work);
    await this.#tidy();
    return outcome;
  }

  /** The environment's current secrets, for a release that needs any; refused where it would start without one. */
  #secretSetFor(release: Release): string | undefined {
    if (release.settings.secrets.length === 0) return undefined;
    const { paths, environment } = this.#options;
    const secretSet = this.#target.desired.stable?.secretSet;
    refuseWithoutSecrets(release, readSecrets(paths, secretSet), environment);
    return secretSet;
  }

  /** Removes what no release that can be returned to needs. */
  async #tidy(): Promise<void> {
    const { paths, log } = this.#options;
    const { stable, candidate } = this.#target.desired;
    const inUse = [stable, candidate].flatMap((running) => (running ? [running] : []));
    try {
      clearReleases(
        paths,
        await this.#target.history.list(),
        inUse.map(({ release }) => release),
      );
      clearSecrets(
        paths,
        inUse.map(({ secretSet }) => secretSet),
      );
      clearLogs(
        paths.logs,
        this.#replicas.all.map(({ id }) => id),
      );
      await this.#containers.clearImages();
    } catch (error) {
      log('could not tidy up', { because: String(error) });
    }
  }
}
