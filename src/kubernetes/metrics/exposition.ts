/** What one answer of a replica's metrics says, summed over all labels but the one that counts. */
export interface Reading {
  /** `http_requests_total` by its label `status`. */
  readonly requests: ReadonlyMap<string, number>;
  /** Those of 5xx by status and, where a label names one, the path behind a space. */
  readonly faults: ReadonlyMap<string, number>;
  /** `http_request_duration_seconds`: how many took at most so many seconds, cumulative as Prometheus has them. */
  readonly durations: ReadonlyMap<number, number>;
}

const requestsName = 'http_requests_total';
const bucketName = 'http_request_duration_seconds_bucket';

/**
 * Reads the two series that a verdict rests on from the Prometheus text format. A line of theirs that is not in it
 * makes the whole unusable, and throws; other series are passed over.
 */
export function readExposition(text: string): Reading {
  const requests = new Map<string, number>();
  const faults = new Map<string, number>();
  const durations = new Map<number, number>();
  for (const line of text.split(/\r?\n/)) {
    const name = /^[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line)?.[1];
    if (name === requestsName) {
      const { labels, value } = parseSample(line);
      const status = labels.get('status');
      if (status === undefined || !/^[1-5][0-9]{2}$/.test(status)) throw wrong(line, 'has no status');
      addTo(requests, status, value);
      if (status.startsWith('5')) addTo(faults, `${status} ${pathIn(labels)}`, value);
    } else if (name === bucketName) {
      const { labels, value } = parseSample(line);
      addTo(durations, toBound(labels.get('le'), line), value);
    }
  }
  return { requests, faults, durations };
}

/** As the usual libraries name it. */
const pathLabels = ['route', 'path', 'handler', 'endpoint', 'uri', 'url'];

function pathIn(labels: ReadonlyMap<string, string>): string {
  const name = pathLabels.find((label) => labels.has(label));
  return (name && labels.get(name)) ?? '';
}

function addTo<K>(sum: Map<K, number>, name: K, value: number): void {
  sum.set(name, (sum.get(name) ?? 0) + value);
}

interface Sample {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** `name{label="value",…} value [timestamp]`; what counts is a finite number that is not below zero. */
function parseSample(line: string): Sample {
  const [, inBraces, rest = ''] = samplePattern.exec(line) ?? [];
  const [, text = ''] = valuePattern.exec(rest) ?? [];
  const value = text === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < 0) throw wrong(line, 'has no count');
  return { labels: parseLabels(inBraces ?? '', line), value };
}

const quoted = String.raw`"(?:[^"\\]|\\.)*"`;
const samplePattern = new RegExp(
  String.raw`^[ \t]*[a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*(?:\{((?:[^"{}]|${quoted})*)\})?(.*)$`,
);
const valuePattern = /^[ \t]+([+]?[0-9][0-9.eE+-]*)(?:[ \t]+-?[0-9]+)?[ \t]*$/;

function parseLabels(text: string, line: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const pattern = new RegExp(
    String.raw`[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*(${quoted})[ \t]*(,|$)`,
    'y',
  );
  while (pattern.lastIndex < text.length) {
    if (text.slice(pattern.lastIndex).trim() === '') break;
    const found = pattern.exec(text);
    const [, name = '', value = ''] = found ?? [];
    if (!found || labels.has(name)) throw wrong(line, 'has labels that are none');
    labels.set(name, unquote(value));
  }
  return labels;
}

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function toBound(text: string | undefined, line: string): number {
  const bound = text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text === '' ? undefined : text);
  if (Number.isNaN(bound) || bound < 0) throw wrong(line, 'has no bound');
  return bound;
}

function wrong(line: string, trouble: string): Error {
  return new Error(`a line of the metrics ${trouble}: ${line.slice(0, 120)}`);
}
