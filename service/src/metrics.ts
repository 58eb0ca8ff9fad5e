/** What is said of the process and the release beside the requests. */
export interface ProcessFacts {
  readonly startedAtSeconds: number;
  readonly runtime: string;
  readonly release: string | undefined;
  readonly revision: string | undefined;
  residentBytes(): number;
  cpuSeconds(): number;
  droppedLogLines(): number;
}

/** Counts requests where they are served, and sums nothing until it is asked. */
export class Metrics {
  inFlight = 0;
  readonly #routes: RouteMetrics[] = [];

  /** A route has one set of series; give every unknown path the same one, so that their number is bounded. */
  route(name: string): RouteMetrics {
    const route = new RouteMetrics(name);
    this.#routes.push(route);
    return route;
  }

  /** The Prometheus text format, version 0.0.4. */
  render(facts: ProcessFacts): string {
    return [
      ...family('http_requests_total', 'counter', 'Requests answered.'),
      ...this.#routes.flatMap((route) => route.requestLines()),
      ...family('http_request_duration_seconds', 'histogram', 'Time from request to answer.'),
      ...this.#routes.flatMap((route) => route.durationLines()),
      ...family('http_requests_in_flight', 'gauge', 'Requests being answered, this one included.'),
      `http_requests_in_flight ${this.inFlight}`,
      ...family('service_build_info', 'gauge', 'What is running; always 1.'),
      `service_build_info{${buildLabels(facts)}} 1`,
      ...family('access_log_dropped_lines_total', 'counter', 'Access log lines that found no reader.'),
      `access_log_dropped_lines_total ${facts.droppedLogLines()}`,
      ...family('process_start_time_seconds', 'gauge', 'When the process started, in Unix time.'),
      `process_start_time_seconds ${facts.startedAtSeconds}`,
      ...family('process_resident_memory_bytes', 'gauge', 'Resident memory.'),
      `process_resident_memory_bytes ${facts.residentBytes()}`,
      ...family('process_cpu_seconds_total', 'counter', 'CPU time, user and system.'),
      `process_cpu_seconds_total ${facts.cpuSeconds()}`,
      '',
    ].join('\n');
  }
}

/** One route's counts: an array of numbers for each method, and one for each class of status. */
export class RouteMetrics {
  readonly #name: string;
  readonly #requests = new Map<string, Float64Array>();
  readonly #durations: (Float64Array | undefined)[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  record(method: string, status: number, seconds: number): void {
    const requests = this.#requests.get(method) ?? this.#requestsOf(method);
    requests[status] = (requests[status] ?? 0) + 1;

    const statusClass = (status / 100) | 0;
    const durations = this.#durations[statusClass] ?? this.#durationsOf(statusClass);
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] ?? 0)) bucket++;
    durations[bucket] = (durations[bucket] ?? 0) + 1;
    durations[SUM] = (durations[SUM] ?? 0) + seconds;
  }

  requestLines(): string[] {
    return [...this.#requests].flatMap(([method, counts]) =>
      [...counts.entries()]
        .filter(([, count]) => count > 0)
        .map(
          ([status, count]) =>
            `http_requests_total{method="${method}",route="${this.#name}",status="${status}"} ${count}`,
        ),
    );
  }

  durationLines(): string[] {
    return this.#durations.flatMap((counts, statusClass) =>
      counts === undefined ? [] : histogram(`route="${this.#name}",status_class="${statusClass}xx"`, counts),
    );
  }

  #requestsOf(method: string): Float64Array {
    const name = METHODS.has(method) ? method : 'other';
    const requests = this.#requests.get(name) ?? new Float64Array(600);
    this.#requests.set(name, requests);
    return requests;
  }

  #durationsOf(statusClass: number): Float64Array {
    const durations = new Float64Array(SUM + 1);
    this.#durations[statusClass] = durations;
    return durations;
  }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const SUM = BOUNDS.length + 1;

function family(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function histogram(labels: string, counts: Float64Array): string[] {
  let total = 0;
  const buckets = [...BOUNDS, '+Inf'].map((bound, index) => {
    total += counts[index] ?? 0;
    return `http_request_duration_seconds_bucket{${labels},le="${bound}"} ${total}`;
  });
  return [
    ...buckets,
    `http_request_duration_seconds_sum{${labels}} ${counts[SUM]}`,
    `http_request_duration_seconds_count{${labels}} ${total}`,
  ];
}

function buildLabels({ release, revision, runtime }: ProcessFacts): string {
  return Object.entries({ release, revision, runtime })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${escapeLabel(value)}"`]))
    .join(',');
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
