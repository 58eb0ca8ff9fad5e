import { constants } from 'node:os';
import { basename } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { errorCode } from '../durable.ts';
import { isFree } from '../free-port.ts';
import { listeningPorts } from '../listening.ts';
import type { BeginLife, Life, LifeOptions } from './life.ts';

export interface ProcessLifeOptions {
  readonly argv: readonly string[];
  readonly workingFolder: string;
  /** Read at its start; what keeps it from being read keeps the replica from starting, and nothing else. */
  readonly env: () => Readonly<Record<string, string>>;
  readonly choosePort: () => number;
  /** A process was started, or has ended. */
  readonly onProcess: (pid: number, isRunning: boolean) => void;
}

/** Runs replicas as process groups of their own, which listen on a loopback port. */
export function processLife(options: ProcessLifeOptions): BeginLife {
  return (told) => new ProcessLife(options, told);
}

/** Before this long it may be about to listen. */
const settleMs = 300;

class ProcessLife implements Life {
  readonly port: number;
  readonly begun = Promise.resolve();
  readonly gone = Promise.resolve();
  printed: Promise<unknown> = Promise.resolve();
  readonly #bornAt = performance.now();
  #process: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | undefined;

  constructor(options: ProcessLifeOptions, told: LifeOptions) {
    this.port = options.choosePort();
    this.#spawn(options, told);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  terminate(): void {
    this.#process?.kill('SIGTERM');
  }

  /** The whole group: what the service started ends with it. */
  kill(): void {
    try {
      if (this.pid !== undefined) process.kill(-this.pid, 'SIGKILL');
    } catch {
      // The group has ended.
    }
  }

  /** Its end is told as soon as it is there. */
  async settle(): Promise<void> {}

  hasLostItsPort(): boolean {
    return !isFree(this.port);
  }

  describeSilence(answer: 'refused' | 'closed'): string | undefined {
    if (answer !== 'refused') return undefined;
    const isSettled = performance.now() - this.#bornAt > settleMs;
    const elsewhere = isSettled && this.pid ? listeningPorts(this.pid) : [];
    const where = elsewhere.length > 0 ? `; it listens on ${elsewhere.join(', ')} instead` : '';
    return `nothing listens on PORT (here ${this.port})${where}`;
  }

  #spawn({ argv, workingFolder, env, onProcess }: ProcessLifeOptions, { log, onEnd }: LifeOptions): void {
    try {
      const child = Bun.spawn([...argv], {
        cwd: workingFolder,
        env: { ...env(), PORT: String(this.port), HOST: '127.0.0.1' },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        onExit: (_child, code, signal) => {
          onProcess(child.pid, false);
          this.kill();
          const how =
            signal === null
              ? `exit code ${code}`
              : `signal ${typeof signal === 'number' ? signalName(signal) : signal}`;
          onEnd({ how, livedMs: performance.now() - this.#bornAt });
        },
      });
      this.#process = child;
      onProcess(child.pid, true);
      this.printed = Promise.allSettled([log.take(child.stdout), log.take(child.stderr)]);
    } catch (error) {
      const reason = error instanceof UserError ? error.message : (errorCode(error) ?? error);
      onEnd({ how: `${basename(argv[0] ?? '')} did not start: ${reason}`, livedMs: 0 });
    }
  }
}

export function signalName(signal: number): string {
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? String(signal);
}
