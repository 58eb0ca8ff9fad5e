import { type Running, runningKey } from './rollout.ts';
import type { ReplicaState, Trouble } from './target.ts';

/** How the replicas of a release behave. Ages are in milliseconds since a replica's start; without more, it is good. */
export interface Behaviour {
  /** `Infinity`: never. */
  readonly readyAtAge?: number;
  readonly ends?: { readonly atAge: number; readonly exitCode: number };
  /** From when an ended one is gone until it is started again. */
  readonly restartMs?: number;
  readonly failingPath?: string;
  readonly hangsAtAge?: number;
  /** Not ready for this moment, and it may pass. */
  readonly isUnwell?: (now: number) => boolean;
  readonly errorShare?: (age: number) => number;
  readonly latencyMs?: (random: () => number) => number;
  readonly drainMs?: number;
  /** How its release command ends; `forgotten`: nobody knows. */
  readonly command?: 'succeeds' | 'fails' | 'forgotten';
}

const readyAtAge = 200;
const hungMs = 1_000;

/** One running copy of a release on a virtual clock, as its release's behaviour has it. */
export class FakeReplica {
  readonly id: string;
  readonly key: string;
  readonly running: Running;
  readonly behaviour: Behaviour;
  restarts = 0;
  #startedAt: number;
  #endedAt: number | undefined;
  #drainingSince: number | undefined;
  #errorsDue = 0;

  constructor(id: string, running: Running, behaviour: Behaviour, now: number) {
    this.id = id;
    this.key = runningKey(running);
    this.running = running;
    this.behaviour = behaviour;
    this.#startedAt = now;
  }

  get isDraining(): boolean {
    return this.#drainingSince !== undefined;
  }

  drain(now: number): void {
    this.#drainingSince ??= now;
  }

  hasDrained(now: number): boolean {
    const { drainMs = 300 } = this.behaviour;
    return this.#drainingSince !== undefined && now - this.#drainingSince >= drainMs;
  }

  /** Ends it, or starts it again, when it is time; whether a request was cut by that. */
  pass(now: number): boolean {
    const { ends, restartMs = 1_000 } = this.behaviour;
    const isEnding = ends !== undefined && this.#endedAt === undefined && now - this.#startedAt >= ends.atAge;
    const wasReady = isEnding && ends.atAge > (this.behaviour.readyAtAge ?? readyAtAge) && !this.isDraining;
    if (isEnding) this.#endedAt = now;
    if (this.#endedAt !== undefined && now - this.#endedAt >= restartMs) {
      this.restarts += 1;
      this.#startedAt = now;
      this.#endedAt = undefined;
    }
    return wasReady;
  }

  isReady(now: number): boolean {
    return (
      !this.isDraining && this.#age(now) >= (this.behaviour.readyAtAge ?? readyAtAge) && !this.trouble(now)
    );
  }

  /** Not ready by its own doing. */
  isUnwell(now: number): boolean {
    return this.restarts > 0 || this.trouble(now) !== undefined;
  }

  trouble(now: number): Trouble | undefined {
    const {
      ends,
      failingPath,
      hangsAtAge = Infinity,
      isUnwell,
      readyAtAge: readyAt = readyAtAge,
    } = this.behaviour;
    const age = this.#age(now);
    if (this.#endedAt !== undefined && ends) {
      const cause = ends.exitCode === 0 ? 'exited' : 'crashed';
      return { cause, message: `exit code ${ends.exitCode} after ${ends.atAge} ms`, isConclusive: true };
    }
    if (age >= hangsAtAge + hungMs)
      return { cause: 'hung', message: 'GET /live did not answer', isConclusive: true };
    if (readyAt === Infinity || isUnwell?.(now))
      return { cause: 'never-ready', message: 'GET /ready answered 503', isConclusive: false };
    if (failingPath !== undefined && age >= readyAt)
      return { cause: 'declared-path', message: `GET ${failingPath} answered 500`, isConclusive: true };
    return undefined;
  }

  /** The scripted share of requests, spread evenly; all of them once it hangs. */
  fails(now: number): boolean {
    const age = this.#age(now);
    if (age >= (this.behaviour.hangsAtAge ?? Infinity)) return true;
    this.#errorsDue += this.behaviour.errorShare?.(age) ?? 0;
    if (this.#errorsDue < 1) return false;
    this.#errorsDue -= 1;
    return true;
  }

  state(now: number): ReplicaState {
    const { id, key, restarts } = this;
    const trouble = this.isDraining ? undefined : this.trouble(now);
    return {
      id,
      key,
      release: this.running.release.id,
      phase: this.isDraining ? 'draining' : this.isReady(now) ? 'ready' : 'starting',
      restarts,
      ...(trouble ? { trouble } : {}),
    };
  }

  #age(now: number): number {
    return now - this.#startedAt;
  }
}
