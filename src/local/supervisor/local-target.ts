import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { redactEvidence } from '../../core/redact.ts';
import type { Release } from '../../core/release.ts';
import { belongsTo, type Desired, type Running } from '../../core/rollout.ts';
import type { Exit, Finding, Lock, Observation, OneOff, Target } from '../../core/target.ts';
import type { Evidence } from '../../core/verdict.ts';
import { writeDesired } from '../desired.ts';
import { openHistory } from '../history.ts';
import type { Paths } from '../paths.ts';
import { readSecrets } from '../store.ts';
import type { FrontDoor } from './front-door.ts';
import { lastLines } from './replica-log.ts';
import type { Replicas } from './replicas.ts';
import type { Runner } from './runner.ts';
import type { TrafficProbe } from './traffic-probe.ts';

export interface LocalTargetOptions {
  readonly paths: Paths;
  readonly replicas: Replicas;
  readonly front: FrontDoor;
  readonly probe: TrafficProbe;
  readonly runnerOf: (release: Release) => Pick<Runner, 'preflight' | 'publish' | 'runOneOff'>;
  readonly log: (event: string, details?: object) => void;
  /** Aborts when the environment is taken down. */
  readonly goesDown: AbortSignal;
}

/** How often the state of the replicas is looked at when nothing says that it changed. */
const observeMs = 50;
const evidenceLines = 20;

/** Replicas are processes or containers of this machine, and desired state is a file. */
export class LocalTarget implements Target {
  readonly history: Target['history'];
  readonly #options: LocalTargetOptions;
  #desired: Desired;
  #token = 0;
  #holder: { readonly purpose: string } | undefined;

  constructor(options: LocalTargetOptions, desired: Desired) {
    this.#options = options;
    this.#desired = desired;
    this.history = openHistory(options.paths);
  }

  get desired(): Desired {
    return this.#desired;
  }

  async preflight({ candidate }: Desired, signal: AbortSignal): Promise<readonly Finding[]> {
    return candidate ? this.#options.runnerOf(candidate.release).preflight(candidate.release, signal) : [];
  }

  publish(release: Release, signal: AbortSignal): Promise<void> {
    return this.#options.runnerOf(release).publish(release, signal);
  }

  async lock({ purpose }: { readonly purpose: string }): Promise<Lock> {
    if (this.#holder) throw new Error(`locked for: ${this.#holder.purpose}`);
    const holder = { purpose };
    this.#holder = holder;
    this.#token += 1;
    return {
      token: this.#token,
      release: async () => {
        if (this.#holder === holder) this.#holder = undefined;
      },
    };
  }

  async set(desired: Desired, lock: Lock): Promise<void> {
    if (lock.token !== this.#token) throw new Error('the lock was given to another');
    const { replicas, front, probe } = this.#options;
    this.#store(desired);
    const isNewRollout = desired.rollout !== undefined && desired.rollout.id !== this.#desired.rollout?.id;
    this.#desired = desired;
    if (isNewRollout) {
      replicas.resetTraffic();
      front.resetTally();
      probe.start();
    }
    if (!desired.rollout) probe.stop();
    replicas.apply(desired);
  }

  /** What takes a bad release out is done even if it cannot be stored: a crash after it ends in the same way. */
  #store(desired: Desired): void {
    const { paths, log } = this.#options;
    try {
      writeDesired(paths, desired);
    } catch (error) {
      const isSafe = desired.rollout === undefined || desired.rollout.judged?.kind === 'failed';
      if (!isSafe) throw error;
      log('desired state could not be stored', { because: String(error) });
    }
  }

  async *observe(signal: AbortSignal): AsyncGenerator<Observation> {
    const { replicas, front, probe } = this.#options;
    while (!signal.aborted) {
      await replicas.settled();
      const change = replicas.changed();
      yield {
        kind: 'seen',
        at: Date.now(),
        desired: this.#desired,
        replicas: replicas.states(),
        traffic: [
          ...replicas.traffic(),
          front.unreached.toCount({ source: 'front' }),
          probe.unreached.toCount({ source: 'probe' }),
        ],
      };
      await Promise.race([change, Bun.sleep(observeMs)]);
    }
  }

  async run(what: OneOff, signal: AbortSignal): Promise<Exit> {
    const { runnerOf, goesDown } = this.#options;
    const runner = runnerOf(what.running.release);
    const exit = await runner.runOneOff(what, AbortSignal.any([signal, goesDown]));
    if (exit.kind !== 'failed') return exit;
    return { ...exit, evidence: redactEvidence(exit.evidence, this.#secretsOf(what.running)) };
  }

  /** Of the replica that ended or is in trouble; else of the last one that ran. */
  async evidence(running: Running): Promise<Evidence> {
    const mine = this.#options.replicas.all.filter((replica) => belongsTo(replica, running));
    const told =
      mine.find(({ trouble }) => trouble?.isConclusive) ?? mine.find(({ trouble }) => trouble) ?? mine[0];
    const evidence = told ? await told.evidence(evidenceLines) : this.#evidenceOnDisk(running);
    return redactEvidence(evidence, this.#secretsOf(running));
  }

  /** Its values, which it may print as it crashes. */
  #secretsOf({ secretSet }: Running): readonly string[] {
    return Object.values(readSecrets(this.#options.paths, secretSet));
  }

  /** After a restart of the supervisor: what the candidate printed before. */
  #evidenceOnDisk({ release }: Running): Evidence {
    const { logs } = this.#options.paths;
    const folder = existsSync(logs)
      ? readdirSync(logs)
          .filter((name) => name.startsWith(release.id.slice(0, 7)))
          .sort()
          .at(-1)
      : undefined;
    return { lines: folder === undefined ? [] : [...lastLines(join(logs, folder), evidenceLines)] };
  }
}
