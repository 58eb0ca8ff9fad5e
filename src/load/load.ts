import { isIP } from 'node:net';
import { Client } from './client.ts';
import { type LoadReport, Tally, type Totals } from './report.ts';
import type { Shape } from './shape.ts';

export interface LoadOptions {
  /** 127.0.0.1 if not given. */
  readonly host?: string;
  readonly port: number;
  readonly shape: Shape;
  /** The load ends by itself after so many requests. */
  readonly requests?: number;
  /** Ends the load at once; what is in flight is counted as abandoned. */
  readonly signal?: AbortSignal;
  /** Addresses beside the loopback ones that may be targets. The caller has checked that they are its own. */
  readonly allowHosts?: readonly string[];
  /** How many failures of each cause are told one by one; 20 if not given. */
  readonly failuresKept?: number;
}

export interface Load {
  readonly report: () => LoadReport;
  /** Sends nothing more, lets what is in flight end, closes the connections. */
  readonly stop: () => Promise<LoadReport>;
  readonly ended: Promise<LoadReport>;
  /** Resolves as soon as the claim holds; looked at when a total changes. Rejects if the load ends before. */
  readonly until: (claim: (totals: Totals) => boolean) => Promise<LoadReport>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts the clients of a shape. Throws before the first connection if the target is not allowed. */
export function startLoad({
  host = '127.0.0.1',
  port,
  shape,
  requests = Number.POSITIVE_INFINITY,
  signal,
  allowHosts = [],
  failuresKept,
}: LoadOptions): Load {
  if (!isLoopback(host) && !allowHosts.includes(host))
    throw new RangeError(`refusing to send load to ${host}: only loopback addresses may be targets`);

  const tally = new Tally(failuresKept === undefined ? {} : { failuresKept });
  const startedAt = performance.now();
  const waiting = new Set<Waiting>();
  const ending = Promise.withResolvers<LoadReport>();
  let endedAt: number | undefined;
  let taken = 0;
  let isStopping = false;

  const ground = { host, port, take, counted: look, isOver: () => isStopping, left };
  const clients = shape.flatMap((stream) => {
    const streamTally = tally.stream(stream.label);
    return Array.from({ length: stream.connections }, (_, index) => ({
      client: new Client(ground, stream, streamTally),
      share: index / stream.connections,
    }));
  });
  let present = clients.length;

  const shortestMs = Math.min(...shape.map(({ timeoutMs = 10_000 }) => timeoutMs));
  const sweep = setInterval(
    () => {
      const now = performance.now();
      for (const { client } of clients) client.expire(now);
    },
    Math.max(1, Math.min(50, shortestMs / 10)),
  );
  signal?.addEventListener('abort', abandon);

  for (const { client, share } of clients) client.start({ share });
  if (present === 0) finish();
  if (signal?.aborted) abandon();

  return {
    report,
    stop,
    ended: ending.promise,
    until,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };

  function take(): number | undefined {
    if (isStopping || taken >= requests) return undefined;
    taken++;
    if (taken >= requests) queueMicrotask(stop);
    return taken;
  }

  function look(): void {
    for (const one of waiting) {
      if (!one.claim(tally.totals)) continue;
      waiting.delete(one);
      one.resolve(report());
    }
  }

  function left(): void {
    present--;
    if (present === 0) finish();
  }

  function finish(): void {
    clearInterval(sweep);
    signal?.removeEventListener('abort', abandon);
    endedAt = performance.now();
    for (const { reject } of waiting) reject(tooLate());
    waiting.clear();
    ending.resolve(report());
  }

  function report(): LoadReport {
    return tally.report({ seconds: ((endedAt ?? performance.now()) - startedAt) / 1000 });
  }

  function stop(): Promise<LoadReport> {
    isStopping = true;
    for (const { client } of clients) client.stop();
    return ending.promise;
  }

  function abandon(): void {
    isStopping = true;
    for (const { client } of clients) client.abandon();
  }

  function until(claim: (totals: Totals) => boolean): Promise<LoadReport> {
    if (claim(tally.totals)) return Promise.resolve(report());
    if (endedAt !== undefined) return Promise.reject(tooLate());
    const { promise, resolve, reject } = Promise.withResolvers<LoadReport>();
    waiting.add({ claim, resolve, reject });
    return promise;
  }
}

interface Waiting {
  readonly claim: (totals: Totals) => boolean;
  readonly resolve: (report: LoadReport) => void;
  readonly reject: (error: Error) => void;
}

function tooLate(): Error {
  return new Error('the load ended before the claim held');
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
