/** How a request ended that did not end well. Whose fault it is only the caller can say. */
export const causes = [
  'refused',
  'unreachable',
  'reset',
  'timed-out',
  'cut',
  '502',
  '503',
  '504',
  'other-5xx',
  'unexpected-status',
  'malformed',
  'wrong-body',
] as const;

/**
 * `refused` nobody listened · `unreachable` no connection for another reason, this machine's ports or
 * descriptors included · `reset` closed before a byte of the answer · `timed-out` not ended in time · `cut`
 * answer begun and not ended · `unexpected-status` below 500 and not 200–399.
 */
export type Cause = (typeof causes)[number];

export interface Failure {
  readonly cause: Cause;
  readonly detail: string;
  readonly stream: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly elapsedMs: number;
  readonly connection: {
    readonly ageMs: number;
    readonly requests: number;
    readonly isReused: boolean;
    /** Which one answered on it last, where it says so by `x-replica`. */
    readonly replica?: string;
  };
  readonly status?: number;
  readonly release?: string;
  readonly firstBytes?: string;
}

/** Running totals. `requests` have ended: each is either ok or failed. */
export interface Totals {
  readonly requests: number;
  readonly ok: number;
  readonly failed: number;
  /** A reused connection closed before a byte of the answer to an idempotent request: sent once more. */
  readonly retried: number;
  /** Given up when the signal was aborted; not among `requests`. */
  readonly abandoned: number;
  /** Connections on which bytes came that no request had asked for. */
  readonly stray: number;
  readonly opened: number;
  readonly causes: Readonly<Record<Cause, number>>;
  /** By the answer's `x-release`; answers without one are under `-`. */
  readonly releases: Readonly<Record<string, { readonly ok: number; readonly failed: number }>>;
}

export interface StreamReport {
  readonly label: string;
  readonly requests: number;
  readonly ok: number;
  readonly failed: number;
  readonly retried: number;
  readonly opened: number;
  /** Of the ok ones, from sending to the last byte, connecting included; within 1.1 %, the maximum exact. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface LoadReport extends Totals {
  readonly seconds: number;
  readonly streams: readonly StreamReport[];
  /** The first of each cause: 20, where no other number is asked for. */
  readonly failures: readonly Failure[];
}

/** True if any request was not answered as it should have been. */
export function hasFailed(report: Totals): boolean {
  return report.failed > 0 || report.stray > 0;
}

/** Where the clients of one load write down what happened. */
export class Tally {
  readonly totals = {
    requests: 0,
    ok: 0,
    failed: 0,
    retried: 0,
    abandoned: 0,
    stray: 0,
    opened: 0,
    causes: noCauses(),
    releases: {} as Record<string, { ok: number; failed: number }>,
  };
  readonly #streams: StreamTally[] = [];
  readonly #failures: Failure[] = [];
  readonly #kept: number;

  /** `failuresKept`: how many failures of each cause are told one by one. */
  constructor({ failuresKept = usuallyKept }: { readonly failuresKept?: number } = {}) {
    this.#kept = failuresKept;
  }

  stream(label: string): StreamTally {
    const stream = new StreamTally(label, this);
    this.#streams.push(stream);
    return stream;
  }

  keep(failure: Failure): void {
    if (this.totals.causes[failure.cause] <= this.#kept) this.#failures.push(failure);
  }

  report({ seconds }: { readonly seconds: number }): LoadReport {
    return {
      seconds,
      ...structuredClone(this.totals),
      streams: this.#streams.map((stream) => stream.report()),
      failures: [...this.#failures],
    };
  }
}

export class StreamTally {
  readonly #label: string;
  readonly #tally: Tally;
  readonly #latency = new Histogram();
  #ok = 0;
  #failed = 0;
  #retried = 0;
  #opened = 0;

  constructor(label: string, tally: Tally) {
    this.#label = label;
    this.#tally = tally;
  }

  opened(): void {
    this.#opened++;
    this.#tally.totals.opened++;
  }

  retried(): void {
    this.#retried++;
    this.#tally.totals.retried++;
  }

  abandoned(): void {
    this.#tally.totals.abandoned++;
  }

  stray(): void {
    this.#tally.totals.stray++;
  }

  ok({ elapsedMs, release }: { readonly elapsedMs: number; readonly release: string | undefined }): void {
    this.#ok++;
    this.#tally.totals.ok++;
    this.#release(release).ok++;
    this.#latency.add(elapsedMs);
    this.#tally.totals.requests++;
  }

  failed(failure: Omit<Failure, 'stream'>): void {
    this.#failed++;
    this.#tally.totals.failed++;
    this.#tally.totals.causes[failure.cause]++;
    if (failure.status !== undefined) this.#release(failure.release).failed++;
    this.#tally.keep({ ...failure, stream: this.#label });
    this.#tally.totals.requests++;
  }

  report(): StreamReport {
    return {
      label: this.#label,
      requests: this.#ok + this.#failed,
      ok: this.#ok,
      failed: this.#failed,
      retried: this.#retried,
      opened: this.#opened,
      latencyMs: {
        p50: this.#latency.quantile(0.5),
        p99: this.#latency.quantile(0.99),
        max: this.#latency.max,
      },
    };
  }

  #release(name = '-'): { ok: number; failed: number } {
    const known = this.#tally.totals.releases[name];
    if (known !== undefined) return known;
    const fresh = { ok: 0, failed: 0 };
    this.#tally.totals.releases[name] = fresh;
    return fresh;
  }
}

/** Times in buckets whose bounds grow by a factor of 2^(1/32), from a microsecond to an hour. */
export class Histogram {
  max = 0;
  readonly #counts = new Uint32Array(32 * 32);
  #total = 0;

  add(ms: number): void {
    const index = Math.round(32 * Math.log2(Math.max(1, ms * 1000)));
    const bucket = Math.min(index, this.#counts.length - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
    if (ms > this.max) this.max = ms;
  }

  /** In milliseconds; 0 when nothing was added. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#total * share));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return Math.min(this.max, 2 ** (bucket / 32) / 1000);
    }
    return 0;
  }
}

export function renderReport(report: LoadReport): string {
  const head = ['stream', 'requests', 'ok', 'failed', 'retried', 'opened', 'p50 ms', 'p99 ms', 'max ms'];
  const rows = report.streams.map((stream) => [
    stream.label,
    ...[stream.requests, stream.ok, stream.failed, stream.retried, stream.opened].map(String),
    ...[stream.latencyMs.p50, stream.latencyMs.p99, stream.latencyMs.max].map((ms) => ms.toFixed(2)),
  ]);
  const total = ['total', report.requests, report.ok, report.failed, report.retried, report.opened].map(
    String,
  );
  return [
    ...aligned([head, ...rows, total]),
    '',
    `${report.seconds.toFixed(1)} s, ${Math.round(report.requests / report.seconds)} requests a second`,
    `answered by  ${named(Object.entries(report.releases).map(([name, { ok, failed }]) => [name, ok + failed]))}`,
    `failed       ${named(Object.entries(report.causes))}`,
    ...(report.stray > 0 ? [`stray        bytes without a request on ${report.stray} connections`] : []),
    ...(report.abandoned > 0 ? [`abandoned    ${report.abandoned}`] : []),
    ...report.failures.slice(0, failuresShown).map(renderFailure),
  ].join('\n');
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  '),
  );
}

function named(counts: readonly (readonly [string, number])[]): string {
  const some = counts.filter(([, count]) => count > 0);
  return some.length === 0 ? 'none' : some.map(([name, count]) => `${name} ${count}`).join(' · ');
}

function renderFailure({ cause, detail, stream, at, elapsedMs, connection, status, release }: Failure) {
  const time = new Date(at).toISOString().slice(11, 23);
  const answer = status === undefined ? '' : `, status ${status} by ${release ?? '-'}`;
  const age = `request ${connection.requests} of a connection ${connection.ageMs.toFixed(0)} ms old`;
  return `  ${time} ${stream}: ${cause} (${detail}) after ${elapsedMs.toFixed(1)} ms, ${age}${answer}`;
}

function noCauses(): Record<Cause, number> {
  return Object.fromEntries(causes.map((cause) => [cause, 0])) as Record<Cause, number>;
}

const usuallyKept = 20;
const failuresShown = 10;
