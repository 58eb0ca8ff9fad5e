import type { TrafficCount } from '../../core/traffic.ts';
import { wordsOf } from '../../core/words-of.ts';
import type { Api } from '../api/api.ts';
import { readExposition } from './exposition.ts';
import { MetricsTotals } from './metrics-totals.ts';

/** A replica that can be asked for its metrics: its pod is ready and not about to leave. */
export interface Metered {
  readonly pod: string;
  /** `runningKey` of what it runs. */
  readonly key: string;
  readonly port: number;
  /** `settings.probes.metrics`. */
  readonly path: string;
}

export interface MetricsOptions {
  readonly api: Pick<Api, 'proxy'>;
  /** Asked anew for each turn. */
  readonly metered: () => readonly Metered[];
  readonly trace?: (line: string) => void;
  /** How long from one turn to the next. Default: a second. */
  readonly everyMs?: number;
}

export interface Metrics {
  /** Totals since each pod was first read, also of pods that are gone. Of one that gave none there is no count. */
  counts(): readonly TrafficCount[];
  close(): void;
}

/** How long a pod may take to give its metrics, and how many are asked at a time. */
const patienceMs = 2_000;
const atOnce = 8;
/** Larger ones are nobody's metrics. */
const mostBytes = 2 * 1024 * 1024;

/**
 * Reads the metrics of replicas about once a second, by way of the API server. A pod that does not answer, or
 * answers what is no metrics, is no data, which is not bad.
 */
export function openMetrics({
  api,
  metered,
  trace = () => undefined,
  everyMs = 1_000,
}: MetricsOptions): Metrics {
  const closed = new AbortController();
  const totals = new Map<string, MetricsTotals>();
  const troubles = new Map<string, string>();

  async function readAll(): Promise<void> {
    const waiting = [...metered()];
    const work = async () => {
      for (let one = waiting.shift(); one && !closed.signal.aborted; one = waiting.shift())
        await readOne(one);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, work));
  }

  async function readOne({ pod, key, port, path }: Metered): Promise<void> {
    const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(patienceMs)]);
    try {
      const reading = readExposition(await fetchText(await api.proxy(pod, port, path, signal)));
      const known = totals.get(pod) ?? new MetricsTotals(pod, key);
      known.add(reading);
      totals.set(pod, known);
      troubles.delete(pod);
    } catch (error) {
      const said = wordsOf(error);
      if (!closed.signal.aborted && troubles.get(pod) !== said) trace(`metrics of ${pod}: ${said}`);
      troubles.set(pod, said);
    }
  }

  async function keepReading(): Promise<void> {
    while (!closed.signal.aborted) {
      const pause = Bun.sleep(everyMs);
      await readAll();
      await pause;
    }
  }

  void keepReading();
  return {
    counts: () => [...totals.values()].flatMap((one) => one.toCount() ?? []),
    close: () => closed.abort(),
  };
}

async function fetchText(response: Response): Promise<string> {
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) throw new Error(`more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
