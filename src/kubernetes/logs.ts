import type { IPod } from 'kubernetes-models/v1';
import type { LogLine, LogQuery } from '../core/environment.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { readServerTime } from './api/server-time.ts';
import { labels, type Place, releaseLabel, selectorOf } from './manifests/names.ts';
import { PodLog } from './pod-log.ts';

export interface ReadLogsOptions {
  readonly api: Api;
  readonly place: Place;
  readonly query: LogQuery;
  readonly signal: AbortSignal;
}

/** For how long what is followed is gathered, so that replicas' lines come in the order of time. */
const gatherMs = 150;

/**
 * What replicas printed, in the order of time; followed, also what new ones print. Of a replica that is gone, the
 * cluster keeps nothing: what it printed last is in its rollout's record.
 */
export async function* readPodLogs(options: ReadLogsOptions): AsyncGenerator<LogLine> {
  const { api, place, signal } = options;
  const query = await byTheirClock(options);
  const { items } = await api.list(kinds.pod, { labels: selectorOf(place) }, signal);
  const known = new Map<string, PodLog>();
  const ended = new AbortController();
  const own = { ...options, query, signal: AbortSignal.any([signal, ended.signal]) };
  try {
    const reads = items
      .filter((pod) => isAsked(pod, query))
      .map((pod) => logOf(own, known, pod).readNow(query.lines));
    const lines = (await Promise.all(reads)).flat().sort(byTime);
    yield* query.lines === undefined ? lines : lines.slice(Math.max(0, lines.length - query.lines));
    if (query.follow) yield* follow(own, known);
  } finally {
    // Whoever stops reading ends what follows.
    ended.abort();
  }
}

/** What was five minutes ago is so by the clock of the cluster, and not by that of this machine, which may be off. */
async function byTheirClock({ api, query, signal }: ReadLogsOptions): Promise<LogQuery> {
  if (query.since === undefined || !query.isSpan) return query;
  const theirs = await readServerTime(api.access, signal);
  return theirs === undefined ? query : { ...query, since: query.since + theirs - Date.now() };
}

async function* follow(options: ReadLogsOptions, known: Map<string, PodLog>): AsyncGenerator<LogLine> {
  const { api, place, query, signal } = options;
  let gathered: LogLine[] = [];
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    if (!signal.aborted) failure ??= { error };
  };
  const begin = (log: PodLog) => void log.follow((line) => gathered.push(line)).catch(fail);
  const watch = async () => {
    for await (const change of api.watch(kinds.pod, { labels: selectorOf(place) }, signal)) {
      const pods = change.kind === 'listed' ? change.items : change.kind === 'set' ? [change.item] : [];
      for (const pod of pods) {
        if (!isAsked(pod, query) || known.has(pod.metadata?.uid ?? '')) continue;
        begin(logOf(options, known, pod));
      }
    }
  };
  for (const log of known.values()) begin(log);
  void watch().catch(fail);
  while (!signal.aborted) {
    await Bun.sleep(gatherMs);
    const lines = gathered.sort(byTime);
    gathered = [];
    yield* lines;
    if (failure) throw failure.error;
  }
}

function logOf(
  { api, place, query, signal }: ReadLogsOptions,
  known: Map<string, PodLog>,
  pod: IPod,
): PodLog {
  const log = new PodLog({ api, place, pod, since: query.since, signal });
  known.set(pod.metadata?.uid ?? '', log);
  return log;
}

function isAsked({ metadata }: IPod, { release }: LogQuery): boolean {
  return (
    release === undefined || metadata?.labels?.[labels.release]?.startsWith(releaseLabel(release)) === true
  );
}

function byTime(a: LogLine, b: LogLine): number {
  return a.at - b.at;
}
