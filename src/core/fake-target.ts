import { UnreachableError, UserError } from './errors.ts';
import { findBrokenPromise } from './fake-promises.ts';
import { type Behaviour, FakeReplica } from './fake-replica.ts';
import { latencyBounds, latencyBucket } from './latency.ts';
import type { RolloutRecord } from './record.ts';
import { makeRelease, type Release, type Settings } from './release.ts';
import { belongsTo, candidateCount, type Desired, type Running, runningKey } from './rollout.ts';
import { seededRandom } from './seeded-random.ts';
import type { Exit, Finding, Lock, Observation, OneOff, Target } from './target.ts';
import type { TrafficCount } from './traffic.ts';
import type { Evidence } from './verdict.ts';

export interface FakeTargetOptions {
  /** By the release's name, as `fakeRelease` was given it. */
  readonly behaviours?: Readonly<Record<string, Behaviour>>;
  readonly replicas?: Desired['replicas'];
  /** How much virtual time each observation takes. */
  readonly stepMs?: number;
  readonly requestsPerSecond?: number;
  readonly seed?: number;
  /** A verdict cannot be stored, though it is still told what runs. */
  readonly refusesVerdicts?: boolean;
  readonly unreachable?: readonly { readonly from: number; readonly to: number }[];
  /** The clock jumps, and nothing is observed meanwhile. */
  readonly sleeps?: readonly { readonly at: number; readonly forMs: number }[];
  readonly findings?: readonly Finding[];
  /** What evidence there is, or the error with which it cannot be had. */
  readonly evidence?: () => Evidence;
}

/** What befalls the driver's n-th call of the target, before the call took effect or after it. */
export interface Crash {
  readonly atCall: number;
  readonly isAfter: boolean;
  /** That call gets no answer, and the driver lives. Default: it dies. */
  readonly isUnanswered?: boolean;
}

/** What a driver that died throws, from then on and from everywhere. */
export class DriverCrash extends Error {
  override readonly name = 'DriverCrash';
}

/** A promise of the engine was broken: always a bug of `step` or `rollOut`. */
export class PromiseBroken extends Error {
  override readonly name = 'PromiseBroken';
}

const stepsAtMost = 20_000;
const commandMs = 500;
const autoscaledTo = 3;

/**
 * An environment on a virtual clock: replicas that behave as scripted, traffic shared round-robin among those
 * that are ready, desired state, history and a lock that outlive the driver. Time passes by observing alone,
 * so that the same script gives the same run. Every change is held against what a rollout promises.
 */
export class FakeTarget {
  now = 1_000_000;
  desired: Desired;
  replicas: readonly FakeReplica[] = [];
  readonly records: RolloutRecord[] = [];
  readonly published = new Map<string, Release>();
  /** By the rollout's id: how often its command was started, and how it ended. */
  readonly commands = new Map<string, { starts: number; end: Exit }>();
  /** The ids of all rollouts that were ever stored. */
  readonly rollouts = new Set<string>();
  readonly broken: string[] = [];
  /** Calls of drivers, in order. */
  readonly calls: string[] = [];
  readonly options: FakeTargetOptions;
  readonly #random: () => number;
  readonly #counts = new Map<string, { -readonly [Key in keyof TrafficCount]: TrafficCount[Key] }>();
  #token = 0;
  #holder: FakeDriver | undefined;
  #sleeps: FakeTargetOptions['sleeps'];
  #started = 0;
  #steps = 0;
  #due = 0;
  #turn = 0;
  /** How many there were before, of those that serve. */
  #present = 0;
  /** What a bad candidate left that serves until the stable release is ready again. */
  #leftOver: ReadonlySet<string> = new Set();
  /** Of the stable release, the most that were ready at once since it serves with this number wanted. */
  #stableReady = { key: '', wanted: 0, isOneByOne: false, most: 0 };

  constructor(options: FakeTargetOptions = {}) {
    this.options = options;
    this.desired = { replicas: options.replicas ?? 2 };
    this.#sleeps = options.sleeps;
    this.#random = seededRandom(options.seed ?? 1);
  }

  /** One process that drives rollouts here; it may die, and the environment stays. */
  driver(crash?: Crash): FakeDriver {
    return new FakeDriver(this, crash);
  }

  /** Puts a release up as stable and lets its replicas start, as if it had long been there. */
  serve(running: Running): void {
    this.desired = { ...this.desired, stable: running };
    this.published.set(running.release.id, running.release);
    this.#reconcile();
    for (let passed = 0; passed < 1_000; passed += 100) this.#pass(100);
  }

  behaviourOf({ release }: Running): Behaviour {
    return this.options.behaviours?.[nameOf(release)] ?? {};
  }

  /** Time passes by one observation. */
  pass(): void {
    this.#steps += 1;
    if (this.#steps > stepsAtMost) throw this.#breach('a rollout ends', 'it is watched for ever');
    const [sleep, ...later] = this.#sleeps ?? [];
    if (sleep && this.now >= sleep.at) {
      this.#sleeps = later;
      this.now += sleep.forMs;
    }
    this.#pass(this.options.stepMs ?? 100);
  }

  look(): Observation {
    const gap = this.options.unreachable?.find(({ from, to }) => this.now >= from && this.now < to);
    if (gap) return { kind: 'unreachable', at: this.now, cause: 'connection refused' };
    return {
      kind: 'seen',
      at: this.now,
      desired: this.desired,
      replicas: this.replicas.map((replica) => replica.state(this.now)),
      traffic: [...this.#counts.values()].map((count) => ({
        ...count,
        latencyBuckets: [...count.latencyBuckets],
      })),
    };
  }

  store(desired: Desired, token: number): void {
    if (token !== this.#token) throw new Error(`the lock’s token ${token} is stale: ${this.#token} holds it`);
    const broken = findBrokenPromise({ ...this, before: this.desired, next: desired });
    if (broken) throw this.#breach(...broken);
    if (desired.rollout && desired.rollout.id !== this.desired.rollout?.id) this.#counts.clear();
    if (desired.rollout) this.rollouts.add(desired.rollout.id);
    if (this.desired.rollout && !desired.rollout)
      this.#leftOver = new Set(
        this.replicas.map(({ key }) => key).filter((key) => !belongsTo({ key }, desired.stable)),
      );
    this.desired = desired;
    this.#reconcile();
  }

  take(driver: FakeDriver): number {
    if (this.#holder) {
      throw new UserError({
        code: 'rollout_running',
        message: 'a rollout is running',
        hint: 'wait until it has ended',
      });
    }
    this.#holder = driver;
    this.#token += 1;
    return this.#token;
  }

  /** What a driver that died, or whose lease ran out, no longer holds. */
  free(driver: FakeDriver | undefined = this.#holder): void {
    if (this.#holder === driver) this.#holder = undefined;
  }

  run({ id, running, isBegun }: OneOff): Exit {
    const known = this.commands.get(id);
    if (isBegun) return known?.end ?? { kind: 'unknown' };
    if (known) throw this.#breach('a release command is started once', `again in rollout ${id}`);
    const end = endOf(this.behaviourOf(running).command ?? 'succeeds', this.options.evidence?.());
    this.commands.set(id, { starts: 1, end });
    for (let passed = 0; passed < commandMs; passed += 100) this.#pass(100);
    return end;
  }

  evidenceOf(running: Running): Evidence {
    const { desired } = this;
    const isKept = desired.candidate?.size === 'none' || this.#of(running).length > 0;
    if (!isKept) throw this.#breach('evidence comes first', `${runningKey(running)} is gone`);
    if (this.options.evidence) return this.options.evidence();
    const { ends } = this.behaviourOf(running);
    return {
      ...(ends ? { exit: `exit code ${ends.exitCode}` } : {}),
      lines: [`the last words of ${nameOf(running.release)}`],
    };
  }

  append(record: RolloutRecord): void {
    if (!this.records.some(({ id }) => id === record.id)) this.records.push(record);
  }

  get #standing(): readonly FakeReplica[] {
    return this.replicas.filter((replica) => !replica.isDraining);
  }

  #of(running: Running | undefined): readonly FakeReplica[] {
    return this.#standing.filter((replica) => belongsTo(replica, running));
  }

  /** Starts and drains replicas, until they are what the stored desired state wants. */
  #reconcile(): void {
    const { desired } = this;
    const { stable, candidate } = desired;
    if (stable && this.#isOneByOne) {
      this.#giveWay(desired);
    } else {
      for (const replica of this.replicas) {
        if (!belongsTo(replica, stable) && !belongsTo(replica, candidate)) replica.drain(this.now);
      }
      this.#scale(stable, this.#wanted);
      this.#scale(candidate, candidateCount(desired, this.#of(stable).length));
    }
    this.#holdReplicas();
  }

  get #wanted(): number {
    const { replicas } = this.desired;
    return replicas === 'autoscaled' ? autoscaledTo : replicas;
  }

  /** How many may be missing while others take their place: never the only one. */
  get #missing(): number {
    return this.desired.surge === 'none' && this.#wanted > 1 ? 1 : 0;
  }

  /** Others serve in the place of stable replicas, or what a bad candidate left does until those are ready again. */
  get #isOneByOne(): boolean {
    const { surge, candidate } = this.desired;
    const isLeft = this.#standing.some(({ key }) => this.#leftOver.has(key));
    return surge !== undefined || (isLeft && candidate?.size !== 'all');
  }

  /** Replicas give way within the room that there is, and no sooner, as a Deployment has it. */
  #giveWay({ stable, candidate }: Desired): void {
    const fewest = this.#wanted - this.#missing;
    const most = this.#wanted + 1 - this.#missing;
    const chosen = candidate?.size === 'none' ? stable : (candidate ?? stable);
    const isTried = candidate?.size === 'one';
    const others = this.#standing.filter((replica) => !belongsTo(replica, chosen));
    const counts = (replica: FakeReplica) =>
      replica.isReady(this.now) && !(isTried && belongsTo(replica, candidate));
    const coming = this.#of(chosen).filter((replica) => !counts(replica)).length;
    for (const replica of others.filter((other) => !counts(other)))
      if (this.#standing.length - coming > fewest) replica.drain(this.now);
    for (const replica of others.filter(counts))
      if (this.#standing.filter(counts).length > fewest) replica.drain(this.now);
    const grow = (running: Running | undefined, wanted: number) => {
      const present = this.#of(running).length;
      this.#scale(running, Math.max(present, Math.min(wanted, present + most - this.#standing.length)));
    };
    if (this.#of(chosen).length > this.#wanted) this.#scale(chosen, this.#wanted);
    grow(chosen, isTried ? 1 : this.#wanted);
    if (isTried) grow(stable, fewest);
  }

  #scale(running: Running | undefined, wanted: number): void {
    const present = this.#of(running);
    for (const replica of present.slice(wanted)) replica.drain(this.now);
    for (let missing = wanted - present.length; running && missing > 0; missing -= 1) {
      this.#started += 1;
      const replica = new FakeReplica(`r${this.#started}`, running, this.behaviourOf(running), this.now);
      this.replicas = [...this.replicas, replica];
    }
  }

  #pass(ms: number): void {
    this.now += ms;
    for (const replica of this.replicas) {
      if (replica.pass(this.now)) this.#count(replica).errors += 1;
    }
    this.replicas = this.replicas.filter((replica) => !replica.hasDrained(this.now));
    this.#reconcile();
    this.#due += (ms * (this.options.requestsPerSecond ?? 60)) / 1_000;
    const ready = this.replicas.filter((replica) => replica.isReady(this.now));
    for (; this.#due >= 1; this.#due -= 1) this.#request(ready);
  }

  #request(ready: readonly FakeReplica[]): void {
    this.#turn += 1;
    const replica = ready[this.#turn % ready.length];
    if (!replica) {
      if (this.desired.stable) this.#count(undefined).lost += 1;
      return;
    }
    const count = this.#count(replica);
    const latencyMs = replica.behaviour.latencyMs?.(this.#random) ?? 10;
    if (replica.fails(this.now)) count.errors += 1;
    else count.ok += 1;
    const bucket = latencyBucket(latencyMs);
    (count.latencyBuckets as number[])[bucket] = (count.latencyBuckets[bucket] ?? 0) + 1;
  }

  #count(replica: FakeReplica | undefined): {
    ok: number;
    errors: number;
    lost: number;
    latencyBuckets: readonly number[];
  } {
    const id = replica?.id ?? '';
    const count = this.#counts.get(id) ?? {
      source: 'front' as const,
      ...(replica ? { replica: id, key: replica.key } : {}),
      ok: 0,
      errors: 0,
      lost: 0,
      retried: 0,
      latencyBuckets: latencyBounds.map(() => 0),
    };
    this.#counts.set(id, count);
    return count;
  }

  /** What holds at every moment, whatever is scripted. */
  #holdReplicas(): void {
    const { stable, candidate, surge } = this.desired;
    const keys = new Set(this.replicas.map(({ key }) => key).filter((key) => !this.#leftOver.has(key)));
    if (keys.size > 2) throw this.#breach('never three releases at once', [...keys].join(', '));
    const isLeftOver = candidate !== undefined && this.#leftOver.has(runningKey(candidate));
    if (candidate?.size === 'one' && this.#of(candidate).length > 1 && !isLeftOver)
      throw this.#breach('one candidate replica while its size is one', `${this.#of(candidate).length} run`);
    if (!stable) return;
    const wanted = this.#wanted;
    const isOneByOne = this.#isOneByOne;
    // Where stable replicas give way, it is the others that serve instead.
    const present = isOneByOne ? this.#standing : this.#of(stable);
    const isMore = present.length > this.#present;
    this.#present = present.length;
    if (surge !== undefined && isMore && present.length > wanted + 1 - this.#missing)
      throw this.#breach('no more replicas than there is room for', `${present.length} of ${wanted} run`);
    const isReady = (replica: FakeReplica) => replica.isReady(this.now);
    const ready = present.filter(isReady).length;
    const others = isOneByOne ? this.replicas : present;
    const unwell = others.filter((replica) => replica.isUnwell(this.now) && !isReady(replica)).length;
    const known = this.#stableReady;
    const hasOthersNoMore = known.isOneByOne && !isOneByOne;
    const isKnown = known.key === runningKey(stable) && known.wanted === wanted && !hasOthersNoMore;
    const most = Math.max(isKnown ? known.most : 0, Math.min(ready, wanted));
    this.#stableReady = { key: runningKey(stable), wanted, isOneByOne, most };
    if (ready + unwell < most - this.#missing)
      throw this.#breach('as many serve as before', `${ready} of ${most} are ready`);
  }

  #breach(promise: string, what: string): PromiseBroken {
    const message = `${promise}: ${what}, at ${this.now}, ${JSON.stringify(this.desired.rollout)}`;
    this.broken.push(message);
    return new PromiseBroken(message);
  }
}

/** A target as one process holds it: its calls are counted, and it dies at the one that is scripted. */
export class FakeDriver implements Target {
  readonly history: Target['history'];
  calls = 0;
  readonly #target: FakeTarget;
  readonly #crash: Crash | undefined;
  #isDead = false;

  constructor(target: FakeTarget, crash: Crash | undefined) {
    this.#target = target;
    this.#crash = crash;
    this.history = {
      append: (record) => this.#call('append', () => target.append(record)),
      list: () => this.#call('list', () => [...target.records]),
      release: (id) => this.#call('release', () => target.published.get(id)),
    };
  }

  preflight(): Promise<readonly Finding[]> {
    return this.#call('preflight', () => this.#target.options.findings ?? []);
  }

  async publish(release: Release): Promise<void> {
    await this.#call('publish', () => this.#target.published.set(release.id, release));
  }

  async lock(): Promise<Lock> {
    const token = await this.#call('lock', () => this.#target.take(this));
    return { token, release: () => this.#call('unlock', () => this.#target.free(this)) };
  }

  set(desired: Desired, { token }: Lock): Promise<void> {
    return this.#call('set', () => {
      if (this.#target.options.refusesVerdicts && desired.rollout?.judged) throw unanswered('no space left');
      return this.#target.store(desired, token);
    });
  }

  async *observe(signal: AbortSignal): AsyncGenerator<Observation> {
    for (;;) {
      signal.throwIfAborted();
      yield await this.#call('observe', () => {
        this.#target.pass();
        return this.#target.look();
      });
    }
  }

  run(what: OneOff): Promise<Exit> {
    return this.#call('run', () => this.#target.run(what));
  }

  evidence(running: Running): Promise<Evidence> {
    return this.#call('evidence', () => this.#target.evidenceOf(running));
  }

  async #call<Result>(name: string, effect: () => Result): Promise<Result> {
    if (this.#isDead) throw new DriverCrash(name);
    this.calls += 1;
    this.#target.calls.push(name);
    const isHit = this.calls === this.#crash?.atCall;
    if (isHit && !this.#crash?.isAfter) throw this.#fail(name);
    const result = effect();
    if (isHit) throw this.#fail(name);
    return result;
  }

  #fail(name: string): Error {
    if (!this.#crash?.isUnanswered) return this.#die(name);
    return unanswered(name);
  }

  #die(name: string): DriverCrash {
    this.#isDead = true;
    this.#target.free(this);
    return new DriverCrash(`at call ${this.calls}, ${name}`);
  }
}

function unanswered(message: string): UnreachableError {
  return new UnreachableError({ code: 'environment_unreachable', message, hint: 'ask again' });
}

/** A release whose name is its command, so that scripts and tests can speak of it. */
export function fakeRelease(name: string, settings: Partial<Settings> = {}): Release {
  return makeRelease({
    artifact: `sha256:${name}`,
    command: [name],
    settings: {
      env: {},
      secrets: [],
      port: 8080,
      paths: ['/'],
      probes: { timeoutMs: 1_000 },
      drainMs: 30_000,
      ...settings,
    },
  });
}

export function nameOf(release: Release): string {
  return release.command.join(' ');
}

function endOf(command: NonNullable<Behaviour['command']>, evidence = endedOne): Exit {
  if (command === 'succeeds') return { kind: 'succeeded' };
  if (command === 'forgotten') return { kind: 'unknown' };
  return { kind: 'failed', evidence };
}

const endedOne: Evidence = { exit: 'exit code 1', lines: ['no such table'] };
