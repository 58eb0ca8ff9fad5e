import { showMs } from '../../core/duration.ts';
import type { Settings } from '../../core/release.ts';
import { type Running, runningKey } from '../../core/rollout.ts';
import type { ReplicaState, Trouble } from '../../core/target.ts';
import { tellingLines } from '../../core/telling-lines.ts';
import type { Evidence } from '../../core/verdict.ts';
import type { BeginLife, End, Life } from './life.ts';
import { lastLines, ReplicaLog } from './replica-log.ts';
import { Tally } from './tally.ts';

/** How many of the last lines of a replica that runs on are looked through. */
const searchedLines = 500;

export interface ReplicaOptions {
  readonly id: string;
  readonly running: Running;
  /** How often the replica whose place it takes ended by itself. */
  readonly restarts: number;
  /** What runs it. */
  readonly begin: BeginLife;
  /** Left out of what it prints where that is evidence. */
  readonly workingFolder: string;
  readonly logFolder: string;
  /** How often it is asked whether it is live and ready, once it was. Default: every second. */
  readonly checkMs?: number;
  /** Something that others see has changed. */
  readonly onChange: () => void;
}

/** How many answers in a row must fail before that counts. */
const checkFailures = 3;
/** Idle connections go sooner than the shortest keep-alive time-out that services have in practice (2 s). */
const idleConnectionMs = 1_000;
/** A port can be taken between its choice and the replica's bind. */
const portTries = 3;

/** One running copy of a release, which is reached at a loopback port. */
export class Replica {
  readonly id: string;
  readonly running: Running;
  readonly key: string;
  readonly restarts: number;
  readonly startedAt = Date.now();
  /** The clock may be set; this goes on. */
  readonly #bornAt = performance.now();
  readonly logFolder: string;
  /** Requests that came through the front door, and those of our own probe at its address. */
  front = new Tally();
  probe = new Tally();
  phase: 'starting' | 'ready' | 'draining' | 'ended' = 'starting';
  trouble: Trouble | undefined;
  /** Requests that were sent to it and are not answered whole. */
  inFlight = 0;
  /** It was ended with requests in flight, because they outlasted the drain time. */
  wasCut = false;

  readonly #options: ReplicaOptions;
  /** Straight to the replica, whatever proxy the environment names. */
  readonly #session = new Bun.FetchSession({ proxy: false });
  readonly #anew = new Bun.FetchSession({ proxy: false, keepAlive: false });
  readonly #log: ReplicaLog;
  readonly #settings: Settings;
  readonly #checkMs: number;
  #life: Life | undefined;
  readonly #end = Promise.withResolvers<void>();
  #portsTried = 0;
  #exit: string | undefined;
  #retiring: Promise<void> | undefined;
  #settling: Promise<unknown> | undefined;
  #onIdle: (() => void) | undefined;
  #timers: Timer[] = [];
  #wasReady = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.id = options.id;
    this.running = options.running;
    this.key = runningKey(options.running);
    this.restarts = options.restarts;
    this.logFolder = options.logFolder;
    this.#settings = options.running.release.settings;
    this.#checkMs = options.checkMs ?? 1_000;
    this.#log = new ReplicaLog(options.logFolder);
  }

  /** How long an answer may take before waiting for it counts as an error. */
  get patienceMs(): number {
    return this.#settings.probes.timeoutMs;
  }

  declares(path: string): boolean {
    return this.#settings.paths.includes(path);
  }

  get pid(): number | undefined {
    return this.#life?.pid;
  }

  get ageMs(): number {
    return performance.now() - this.#bornAt;
  }

  /** It was told to end; it has not ended by itself. */
  get isRetired(): boolean {
    return this.#retiring !== undefined;
  }

  state(): ReplicaState {
    const { id, key, running, restarts, trouble } = this;
    const { phase } = this;
    return { id, key, release: running.release.id, phase, restarts, ...(trouble ? { trouble } : {}) };
  }

  /** Begins its life, and returns when the replica is ready or has ended. */
  async start(): Promise<void> {
    this.#begin();
    await this.#becomeReady();
  }

  /** Sends a request to the replica, as it is. */
  forward(pathAndQuery: string, init: BunFetchRequestInit): Promise<Response> {
    return this.#session.fetch(`http://127.0.0.1:${this.#port}${pathAndQuery}`, init);
  }

  /** The same on a connection of its own: the runtime repeats by itself what a kept one that was closed has lost. */
  forwardAnew(pathAndQuery: string, init: BunFetchRequestInit): Promise<Response> {
    return this.#anew.fetch(`http://127.0.0.1:${this.#port}${pathAndQuery}`, init);
  }

  resetTallies(): void {
    this.front = new Tally();
    this.probe = new Tally();
  }

  begin(): void {
    this.inFlight += 1;
  }

  /** A request to it was cut, and not by who sent it. */
  noteCut(): void {
    this.#settling ??= this.#life?.settle().finally(() => {
      this.#settling = undefined;
    });
  }

  /** Resolves when it is known whether it ended that requests to it were cut. */
  async settled(): Promise<void> {
    await this.#settling;
  }

  finish(): void {
    this.inFlight -= 1;
    if (this.inFlight === 0) this.#onIdle?.();
  }

  /**
   * Takes no new work, finishes what is in flight, then ends; what outlasts the drain time is cut. One that hangs
   * finishes nothing: it ends at once, so that what waits for it can be asked of another.
   */
  retire({ isHung = false }: { readonly isHung?: boolean } = {}): Promise<void> {
    this.#retiring ??= this.#drain(isHung || this.trouble?.cause === 'hung');
    return this.#retiring;
  }

  /** Ends it at once. */
  kill(): void {
    this.#life?.kill();
  }

  async evidence(lineCount: number): Promise<Evidence> {
    if (this.phase === 'ended') await Promise.race([this.#life?.printed, Bun.sleep(200)]);
    const folder = `${this.#options.workingFolder}/`;
    const isOver = this.#exit !== undefined;
    // Of one that runs on, what is wrong may lie before what is well.
    const printed = lastLines(this.logFolder, isOver ? lineCount : searchedLines);
    const told = isOver ? printed : tellingLines(printed, lineCount);
    const lines = told.map((line) => line.replaceAll(folder, ''));
    return { ...(this.#exit ? { exit: this.#exit } : {}), lines };
  }

  get #port(): number {
    return this.#life?.port ?? 0;
  }

  #begin(): void {
    this.#portsTried += 1;
    this.#life = undefined;
    this.#life = this.#options.begin({
      log: this.#log,
      onEnd: (end) => this.#ended(end),
      onEnding: () => this.#unroute(),
    });
  }

  /** Nothing new is sent to it. */
  #unroute(): void {
    if (this.phase !== 'ready') return;
    this.phase = 'starting';
    this.#options.onChange();
  }

  #ended({ how, cause, livedMs }: End): void {
    if (this.#hasLostItsPort()) {
      this.#begin();
      return;
    }
    this.#exit = how;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.phase !== 'draining' && !this.trouble?.isConclusive) {
      const said = how === 'exit code 0' ? 'exited' : 'crashed';
      const message = livedMs > 0 ? `${how} after ${showMs(livedMs)}` : how;
      this.trouble = { cause: cause ?? said, message, isConclusive: true };
    }
    this.phase = 'ended';
    this.#end.resolve();
    this.#options.onChange();
    // A life that ended before it was returned is known by then.
    queueMicrotask(() => void this.#life?.printed.then(() => this.#log.close()));
  }

  /** Before it was ever ready, and to another program: that says nothing of the release, and nobody is told. */
  #hasLostItsPort(): boolean {
    const wasReady = this.#timers.length > 0;
    const mayTry = this.phase === 'starting' && !wasReady && this.#portsTried < portTries;
    return mayTry && (this.#life?.hasLostItsPort() ?? false);
  }

  async #becomeReady(): Promise<void> {
    const ready = this.#settings.probes.ready ?? this.#settings.paths[0] ?? '/';
    await this.#life?.begun;
    for (let pauseMs = 3; this.phase === 'starting'; pauseMs = Math.min(pauseMs * 1.1, 100)) {
      const answer = await this.#ask(ready, this.#settings.probes.timeoutMs);
      // It may have ended meanwhile, and that is what is told of it.
      if (answer === 'good' || this.phase !== 'starting') break;
      this.#waitFor(ready, answer);
      await Bun.sleep(pauseMs);
    }
    for (const path of this.#settings.paths) await this.#seeAnswer(path);
    if (this.phase !== 'starting') return;
    this.phase = 'ready';
    this.#wasReady = true;
    this.trouble = undefined;
    void this.#watchOver();
    this.#timers = [setInterval(() => this.#session.close(), idleConnectionMs)];
    this.#options.onChange();
  }

  /**
   * One bad answer to a declared path rejects a candidate. A stable release that was started again may wait for
   * what it depends on, so it is asked on.
   */
  async #seeAnswer(path: string): Promise<void> {
    if (this.phase !== 'starting') return;
    this.trouble = { cause: 'declared-path', message: `GET ${path} has not answered`, isConclusive: false };
    for (;;) {
      const answer = await this.#ask(path);
      if (answer === 'good' || this.phase !== 'starting') return;
      this.#give({ cause: 'declared-path', message: `GET ${path} ${answer}`, isConclusive: true });
      await Bun.sleep(this.#checkMs);
    }
  }

  /** What keeps it from being ready, in the words of the verdict at the deadline. */
  #waitFor(path: string, answer: string): void {
    const isSilent = answer === refused || answer === closed;
    const silence = isSilent && this.#life?.describeSilence(answer === refused ? 'refused' : 'closed');
    this.trouble = silence
      ? { cause: 'not-listening', message: silence, isConclusive: false }
      : { cause: 'never-ready', message: `GET ${path} ${answer}`, isConclusive: false };
  }

  #failures = { ready: 0, live: 0 };

  /** Not ready: no new requests. Not live: it is ended, and if it is stable, started anew. */
  /** A bad answer about readiness is asked again soon, so that even a short watch sees it confirmed. */
  async #watchOver(): Promise<void> {
    for (let sinceFull = 0; this.phase === 'ready' || this.phase === 'starting'; ) {
      const pauseMs = this.#failures.ready > 0 ? this.#checkMs / 10 : this.#checkMs;
      await Bun.sleep(pauseMs);
      sinceFull += pauseMs;
      const isFull = sinceFull >= this.#checkMs;
      if (isFull) sinceFull = 0;
      await this.#check({ asksLive: isFull });
    }
  }

  async #check({ asksLive }: { readonly asksLive: boolean }): Promise<void> {
    const { ready, live, timeoutMs } = this.#settings.probes;
    const [readyAnswer, liveAnswer] = await Promise.all([
      ready ? this.#ask(ready, timeoutMs) : 'good',
      live && asksLive ? this.#ask(live, timeoutMs) : 'good',
    ]);
    const isLeaving = this.phase === 'draining' || this.phase === 'ended';
    // One that is about to be ended says nothing more: its connections are cut by us.
    if (isLeaving || this.trouble?.isConclusive) return;
    this.#failures = {
      ready: readyAnswer === 'good' ? 0 : this.#failures.ready + 1,
      live: !asksLive ? this.#failures.live : liveAnswer === 'good' ? 0 : this.#failures.live + 1,
    };
    if (this.#failures.live >= checkFailures) {
      this.#give({
        cause: 'hung',
        message: `GET ${live} ${liveAnswer}, ${checkFailures} times`,
        isConclusive: true,
      });
      this.kill();
    } else if (this.#failures.ready >= checkFailures) {
      this.phase = 'starting';
      this.#give({ cause: 'never-ready', message: `GET ${ready} ${readyAnswer}`, isConclusive: false });
    } else if (this.phase === 'starting' && readyAnswer === 'good') {
      this.phase = 'ready';
      this.trouble = undefined;
      this.#options.onChange();
    }
  }

  #give(trouble: Trouble): void {
    if (this.phase === 'ended' || this.phase === 'draining') return;
    this.trouble = trouble;
    this.#options.onChange();
  }

  async #ask(path: string, timeoutMs?: number): Promise<'good' | string> {
    try {
      const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
      const response = await this.forward(path, { redirect: 'manual', ...(signal ? { signal } : {}) });
      await readOrLeave(response);
      return response.status >= 200 && response.status < 400 ? 'good' : `answered ${response.status}`;
    } catch (error) {
      const { name, code } = error as { name?: string; code?: string };
      if (name === 'TimeoutError') return `did not answer in ${showMs(timeoutMs ?? 0)}`;
      return code === 'ECONNREFUSED' ? refused : closed;
    }
  }

  async #drain(isHung: boolean): Promise<void> {
    if (this.phase === 'ended') return this.#becomeGone();
    // One that never was ready has nothing to finish.
    const deadline = this.#wasReady ? performance.now() + this.#settings.drainMs : 0;
    this.phase = 'draining';
    for (const timer of this.#timers) clearInterval(timer);
    this.#options.onChange();
    if (isHung) {
      this.kill();
      return this.#becomeGone();
    }
    if (this.inFlight > 0) {
      await Promise.race([
        new Promise<void>((resolve) => (this.#onIdle = resolve)),
        Bun.sleep(this.#settings.drainMs),
      ]);
    }
    this.wasCut = this.inFlight > 0;
    this.#session.close();
    this.#life?.terminate();
    const force = setTimeout(() => this.kill(), Math.max(shortestStopMs, deadline - performance.now()));
    await this.#becomeGone();
    clearTimeout(force);
  }

  /** Returns when it has ended and nothing of it is left. */
  async #becomeGone(): Promise<void> {
    if (!this.#life) return;
    await this.#end.promise;
    await this.#life.gone;
  }
}

/** An answer of up to this size is read, so that a service does not meet a reset; a longer one may have no end. */
const readBytes = 1024 * 1024;

async function readOrLeave(response: Response): Promise<void> {
  const length = Number(response.headers.get('content-length') ?? Number.POSITIVE_INFINITY);
  if (length <= readBytes) await response.arrayBuffer();
  else await response.body?.cancel();
}

const refused = 'refused the connection';
const closed = 'closed the connection without an answer';
/** However long draining took, a process has this long to leave after SIGTERM. */
const shortestStopMs = 2_000;
