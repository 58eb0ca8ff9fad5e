import type { FrontDoor } from './front-door.ts';
import type { Replica } from './replica.ts';
import { Tally } from './tally.ts';

/** What the probe needs of a replica. */
export type Probed = Pick<
  Replica,
  'running' | 'probe' | 'wasCut' | 'forwardAnew' | 'begin' | 'finish' | 'noteCut'
>;

export interface TrafficProbeOptions {
  readonly front: Pick<FrontDoor, 'port'>;
  readonly routable: () => readonly Probed[];
}

/** Each of the two kinds of requests, per second. */
const ratePerSecond = 60;

/**
 * Steady requests for the time of a rollout, so that a quiet service is judged too. One kind goes through the
 * front door on kept and on new connections, which is what users lose; the other to each replica's own address,
 * which is who erred.
 */
export class TrafficProbe {
  /** What found the front door's address closed. What came through it is counted there. */
  unreached = new Tally();
  readonly #options: TrafficProbeOptions;
  readonly #kept = new Bun.FetchSession({ proxy: false });
  readonly #new = new Bun.FetchSession({ proxy: false, keepAlive: false });
  #timer: Timer | undefined;
  #count = 0;

  constructor(options: TrafficProbeOptions) {
    this.#options = options;
  }

  /** Counts from zero. */
  start(): void {
    this.unreached = new Tally();
    this.#timer ??= setInterval(() => this.#tick(), 1000 / ratePerSecond);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#kept.close();
  }

  /** Every replica is asked for every path, on both kinds of connections: what is compared must not differ in that. */
  #tick(): void {
    const replicas = this.#options.routable();
    const replica = replicas[this.#count % Math.max(1, replicas.length)];
    if (!replica) return;
    const round = Math.floor(this.#count / replicas.length);
    const { paths } = replica.running.release.settings;
    const path = paths[round % paths.length] ?? '/';
    const session = Math.floor(round / Math.max(1, paths.length)) % 2 === 0 ? this.#kept : this.#new;
    this.#count += 1;
    void this.#askFront(replica, path, session);
    void this.#askReplica(replica, path);
  }

  async #askFront({ running }: Probed, path: string, session: Bun.FetchSession): Promise<void> {
    const { probes } = running.release.settings;
    const url = `http://127.0.0.1:${this.#options.front.port}${path}`;
    const init = { redirect: 'manual', signal: AbortSignal.timeout(probes.timeoutMs) } as const;
    const response = await session.fetch(url, init).catch((error: Error) => {
      if (error.name !== 'TimeoutError') this.unreached.lost += 1;
    });
    // An answer that is cut is its replica's fault, and was counted as that.
    await response?.arrayBuffer().catch(() => undefined);
  }

  async #askReplica(replica: Probed, path: string): Promise<void> {
    const { probes } = replica.running.release.settings;
    const { probe: tally } = replica;
    const request = { since: Date.now() };
    const startedAt = performance.now();
    tally.waiting.add(request);
    replica.begin();
    try {
      const signal = AbortSignal.timeout(probes.timeoutMs);
      const response = await replica.forwardAnew(path, { redirect: 'manual', signal });
      await read(response);
      // Of a declared path more is promised than of others.
      const isOk = response.status < 400;
      tally.answered(isOk, performance.now() - startedAt);
      if (!isOk) tally.faulty(path, response.status);
    } catch (error) {
      if (replica.wasCut) tally.lost += 1;
      else tally.answered(false, performance.now() - startedAt);
      if ((error as Error).name === 'TimeoutError') tally.late += 1;
      else replica.noteCut();
    } finally {
      tally.waiting.delete(request);
      replica.finish();
    }
  }
}

async function read(response: Response): Promise<void> {
  await response.arrayBuffer();
}
