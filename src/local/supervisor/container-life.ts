import { UserError } from '../../core/errors.ts';
import { wordsOf } from '../../core/words-of.ts';
import type { ProcessIdentity } from '../birth.ts';
import { describeListeners, hasLeft, processOf } from '../engine/container-process.ts';
import { containerSpec, portName } from '../engine/container-spec.ts';
import { type Container, type Engine, EngineRefusal } from '../engine/engine.ts';
import { isOpen } from '../listening.ts';
import { describeExit, describeRefusedStart, isRefusedProgram } from './container-exit.ts';
import type { BeginLife, End, Life, LifeOptions } from './life.ts';

export interface ContainerLifeOptions {
  /** Throws `engine_missing` where none is known. */
  readonly engine: () => Engine;
  /** Returns when the engine has the image. */
  readonly ensureImage: (engine: Engine, signal: AbortSignal) => Promise<void>;
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  /** On which the service listens in its container. */
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Read at its start; what keeps it from being read keeps the replica from starting, and nothing else. */
  readonly env: () => Readonly<Record<string, string>>;
  /** Sees to it that the container is removed, now or when the engine answers again. */
  readonly remove: (engine: Engine, id: string) => Promise<unknown>;
}

/** Runs replicas as containers, reached at a loopback port that the engine chose. */
export function containerLife(options: ContainerLifeOptions): BeginLife {
  return (told) => new ContainerLife(options, told);
}

/** How long a connection to the engine that was lost is tried again at first, and at most. */
const firstPauseMs = 50;
const longestPauseMs = 2_000;
/** A process is there for a moment after its connections and its output are closed. */
const leaveMs = 100;
const lookMs = 10;
/** The end of an output that was cut off with the engine's connection; of a container that ended it is the end. */
const settleMs = 1_000;

class ContainerLife implements Life {
  port = 0;
  readonly begun: Promise<unknown>;
  readonly printed: Promise<unknown>;
  readonly gone: Promise<unknown>;
  readonly #options: ContainerLifeOptions;
  readonly #told: LifeOptions;
  /** Aborts when the container shall not be started, or nothing of it is waited for any more. */
  readonly #unwanted = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  readonly #begun = Promise.withResolvers<void>();
  readonly #printed = Promise.withResolvers<void>();
  #engine: Engine | undefined;
  #process: ProcessIdentity | undefined;
  #id: string | undefined;
  #isStarted = false;
  #startedAt = performance.now();

  constructor(options: ContainerLifeOptions, told: LifeOptions) {
    this.#options = options;
    this.#told = told;
    this.begun = this.#begun.promise;
    this.printed = this.#printed.promise;
    this.gone = this.#live();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  terminate(): void {
    if (this.#isStarted) void this.#signal('SIGTERM');
    else this.#unwanted.abort(unwanted);
  }

  kill(): void {
    if (this.#isStarted) void this.#signal('SIGKILL');
    else this.#unwanted.abort(unwanted);
  }

  /** The engine tells later of an end than the connections that are cut by it. */
  async settle(): Promise<void> {
    if (!this.#isStarted) return;
    const isLeaving = await Promise.race([this.#isLeaving(), Bun.sleep(settleMs).then(() => false)]);
    if (!isLeaving) return;
    this.#told.onEnding();
    await Promise.race([this.#ended.promise, Bun.sleep(settleMs)]);
  }

  /** Nobody shares the port in its container. */
  hasLostItsPort(): boolean {
    return false;
  }

  /** The engine's proxy accepts in the container's stead, and closes where nobody listens behind it. */
  describeSilence(): string | undefined {
    return describeListeners(this.#process, this.#options.port);
  }

  async #live(): Promise<void> {
    const end = await this.#start().then(
      () => this.#seeEnd(),
      (error: unknown) => this.#describeFailure(error),
    );
    this.#ended.resolve();
    this.#begun.resolve();
    if (!this.#isStarted) this.#printed.resolve();
    this.#told.onEnd(end);
    await Promise.race([this.printed, Bun.sleep(settleMs)]);
    this.#unwanted.abort(unwanted);
    if (this.#engine && this.#id) await this.#options.remove(this.#engine, this.#id);
  }

  async #start(): Promise<void> {
    const { engine: find, ensureImage, name, env, port, image, command, labels } = this.#options;
    const { signal } = this.#unwanted;
    const engine = find();
    this.#engine = engine;
    await ensureImage(engine, signal);
    const given = { ...env(), PORT: String(port), HOST: '0.0.0.0' };
    this.#id = await engine.create(name, containerSpec({ image, command, labels, port, env: given }));
    // Before it runs, so that nothing of what it prints is missed.
    const output = await engine.attach(this.#id, signal);
    signal.throwIfAborted();
    this.#startedAt = performance.now();
    await engine.start(this.#id);
    signal.throwIfAborted();
    this.#isStarted = true;
    void this.#copyOutput(engine, this.#id, output);
    const container = await engine.inspect(this.#id);
    this.#process = processOf(container.State.Pid, this.#id);
    this.port = portOf(container, port);
    this.#begun.resolve();
  }

  /** Where the connection to the engine is lost and the container runs on, the rest of its output is read when it is back. */
  async #copyOutput(engine: Engine, id: string, first: AsyncIterable<Uint8Array>): Promise<void> {
    let output = first;
    for (;;) {
      await this.#told.log.take(output).catch(() => undefined);
      this.#printed.resolve();
      // Sooner than the engine tells: what is sent to it meanwhile would be lost.
      void this.settle();
      const hasEnded = this.#ended.promise.then(() => true);
      if (await Promise.race([hasEnded, Bun.sleep(settleMs).then(() => false)])) return;
      output = await engine.attach(id, this.#unwanted.signal).catch(() => nothing());
    }
  }

  /** Of a process that cannot be seen from here the engine is asked. */
  async #isLeaving(): Promise<boolean> {
    for (const until = performance.now() + leaveMs; performance.now() < until; await Bun.sleep(lookMs)) {
      if (this.#process ? hasLeft(this.#process) : await this.#hasStopped()) return true;
    }
    return false;
  }

  async #hasStopped(): Promise<boolean> {
    const container = await this.#engine?.inspect(this.#id ?? '').catch(() => undefined);
    return container?.State.Running === false;
  }

  /** An engine that is away for a moment is no end, as long as somebody answers at the replica's port. */
  async #seeEnd(): Promise<End> {
    const [engine, id] = [this.#engine, this.#id];
    if (!engine || !id) throw new Error('a container that was not started cannot end');
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        await engine.wait(id, this.#unwanted.signal);
        const container = await engine.inspect(id);
        if (!container.State.Running) return { how: describeExit(container.State), livedMs: this.#livedMs() };
      } catch (error) {
        const isMissing = error instanceof EngineRefusal && error.isMissing;
        if (isMissing) return { how: 'its container was removed', livedMs: this.#livedMs() };
        const isGivenUp = this.#unwanted.signal.aborted;
        if (isGivenUp || !(await isOpen(this.port))) {
          return { how: 'the engine stopped answering', cause: 'environment', livedMs: this.#livedMs() };
        }
      }
      await Bun.sleep(pauseMs);
    }
  }

  /** An engine that does not take it cannot be waited for either. */
  async #signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { status } = await this.#tell(signal);
    if (status === 'unheard' && signal === 'SIGKILL') this.#unwanted.abort(unwanted);
  }

  async #tell(signal: 'SIGTERM' | 'SIGKILL'): Promise<{ readonly status: 'heard' | 'unheard' }> {
    try {
      await this.#engine?.kill(this.#id ?? '', signal);
      return { status: 'heard' };
    } catch (error) {
      // It has ended meanwhile, or is not there any more.
      const isOver = error instanceof EngineRefusal && (error.isMissing || error.isOverruled);
      return { status: isOver ? 'heard' : 'unheard' };
    }
  }

  #describeFailure(error: unknown): End {
    if (this.#unwanted.signal.aborted) return { how: 'ended before it was started', livedMs: 0 };
    const [program = 'its container'] = this.#options.command;
    if (isRefusedProgram(error)) return { how: describeRefusedStart(program, error), livedMs: 0 };
    const isOurs = error instanceof UserError && error.code !== 'state_corrupt';
    if (isOurs) return { how: error.message, cause: 'environment', livedMs: 0 };
    return { how: `${program} did not start: ${wordsOf(error)}`, livedMs: 0 };
  }

  #livedMs(): number {
    return performance.now() - this.#startedAt;
  }
}

const unwanted = new Error('the replica is not wanted any more');

function portOf({ NetworkSettings }: Container, port: number): number {
  return Number(NetworkSettings.Ports?.[portName(port)]?.[0]?.HostPort ?? 0);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
