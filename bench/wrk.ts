import { mustRun } from '../e2e/images/run-program.ts';

/** What one run of wrk has seen; times are of single requests. */
export interface WrkRun {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no 2xx or 3xx, and connections that failed. */
  readonly failed: number;
}

export interface WrkOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
}

/** Sends as fast as answers come, over kept connections, to a port of this machine. */
export async function runWrk({ argv, env, port, connections, seconds }: WrkOptions): Promise<WrkRun> {
  const url = `http://127.0.0.1:${port}/`;
  const flags = ['--threads=1', `--connections=${connections}`, `--duration=${seconds}s`, '--latency'];
  return parseWrk(await mustRun([...argv, ...flags, url], { env }));
}

export function parseWrk(text: string): WrkRun {
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/^\s*(\d+) requests in /m);
  if (requests === 0) throw new Error(`wrk has sent nothing: ${text.trim()}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
  return {
    requests,
    p50Ms: parseMs(/^\s*50%\s+(\S+)/m.exec(text)?.[1]),
    p99Ms: parseMs(/^\s*99%\s+(\S+)/m.exec(text)?.[1]),
    failed: errors
      .slice(1)
      .reduce((sum, count) => sum + Number(count), number(/Non-2xx or 3xx responses: (\d+)/)),
  };
}

const perMs = { us: 1000, ms: 1, s: 1 / 1000, m: 1 / 60_000 } as const;

function parseMs(text: string | undefined): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? '') ?? [];
  if (value === undefined) throw new Error(`wrk wrote no time that we know: ${text}`);
  return Number(value) / perMs[unit as keyof typeof perMs];
}
