import type { IEvent, IPod } from 'kubernetes-models/v1';
import type { Running } from '../core/rollout.ts';
import { tellingLines } from '../core/telling-lines.ts';
import type { Evidence } from '../core/verdict.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { ApiRefusal } from './api/refusal.ts';
import { labels, namesOf, type Place, releaseLabel, selectorOf } from './manifests/names.ts';
import { showExit } from './target/end-trouble.ts';
import { containerOf, endsOf, isReadyPod, lastEndOf, type Terminated } from './target/pod-status.ts';
import { oneLine } from './target/trouble-words.ts';

export interface EvidenceOptions {
  readonly api: Api;
  readonly place: Place;
  readonly running: Running;
  /** How many requests a pod failed, by its name. */
  readonly errorsOf?: (pod: string) => number;
  readonly signal: AbortSignal;
}

const evidenceLines = 20;
/** Of a replica that runs on: what is wrong may lie before what is well. */
const searchedLines = 500;
const evidenceEvents = 5;

/** How a replica of a bad release ended and what it printed last; where it printed nothing, what the cluster says of it. */
export async function findEvidence({
  api,
  place,
  running,
  errorsOf = () => 0,
  signal,
}: EvidenceOptions): Promise<Evidence> {
  const { release, secretSet } = running;
  const own = {
    ...selectorOf(place),
    [labels.release]: releaseLabel(release.id),
    ...(secretSet === undefined ? {} : { [labels.secretSet]: secretSet }),
  };
  const { items: pods } = await api.list(kinds.pod, { labels: own }, signal);
  const rated = pods.map((pod) => ({ pod, ...rate(pod, errorsOf(pod.metadata?.name ?? '')) }));
  const worst = rated.sort((a, b) => b.badness - a.badness || b.errors - a.errors)[0]?.pod;
  if (worst) return podEvidence({ api, place, pod: worst, signal });
  // Not even a pod could be made.
  const { items: sets } = await api.list(kinds.replicaSet, { labels: own }, signal);
  const told = await Promise.all(sets.map(({ metadata }) => eventsOf(api, metadata?.name ?? '', signal)));
  return { lines: [...wordsOf(told.flat())] };
}

export interface PodEvidenceOptions extends Omit<EvidenceOptions, 'running'> {
  readonly pod: IPod;
}

/** How a pod's container ended and what it printed last, else the last warnings about it. */
export async function podEvidence({ api, place, pod, signal }: PodEvidenceOptions): Promise<Evidence> {
  const name = pod.metadata?.name ?? '';
  const end = lastEndOf(pod);
  const exit = end && showEnd(end);
  const lines = await lastLines({ api, place, pod, signal });
  const told = lines.length > 0 ? lines : await whatIsSaid(api, pod, name, signal);
  return { ...(exit === undefined ? {} : { exit }), lines: [...told] };
}

function showEnd(end: Terminated): string {
  return end.reason === 'OOMKilled' ? end.reason : showExit(end);
}

/** That ended by itself, then often, then in trouble, then that failed requests, then not ready. */
function rate(pod: IPod, errors: number): { readonly badness: number; readonly errors: number } {
  const end = lastEndOf(pod);
  const hasFailed = end !== undefined && end.exitCode !== 0;
  const waits = containerOf(pod)?.state?.waiting?.message !== undefined;
  const ofPod = (hasFailed ? 1_000 : 0) + Math.min(endsOf(pod), 99) * 10 + (waits ? 5 : 0);
  return { badness: ofPod + (errors > 0 ? 2 : 0) + (isReadyPod(pod) ? 0 : 1), errors };
}

/**
 * Of the container before a restart, where there was one: that is the one that ended. The first restart comes at
 * once, so a container that was seen ended is already another one when its log is asked for.
 */
async function lastLines({ api, place, pod, signal }: PodEvidenceOptions): Promise<readonly string[]> {
  const status = containerOf(pod);
  const hasRestarted = (status?.restartCount ?? 0) > 0;
  const hasEnded = status?.state?.terminated !== undefined;
  const runsOn = !hasRestarted && !hasEnded;
  const name = pod.metadata?.name ?? '';
  const { container } = namesOf(place);
  const read = async (previous: boolean) => {
    const lines: string[] = [];
    const tailLines = runsOn ? searchedLines : evidenceLines;
    const options = { container, tailLines, ...(previous ? { isPrevious: true } : {}) };
    try {
      for await (const line of api.logs(name, options, signal)) if (line.trim() !== '') lines.push(line);
    } catch (error) {
      // It never ran, or its log is gone with it.
      if (!(error instanceof ApiRefusal)) throw error;
    }
    return runsOn ? tellingLines(lines, evidenceLines) : lines.slice(-evidenceLines);
  };
  if (hasRestarted && hasEnded) return read(false);
  const present = await read(false);
  const before = hasRestarted || hasEnded ? await read(true) : [];
  return before.length > 0 ? before : present;
}

async function whatIsSaid(
  api: Api,
  pod: IPod,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const words = wordsOf(await eventsOf(api, name, signal));
  if (words.length > 0) return words;
  const said = containerOf(pod)?.state?.waiting?.message ?? lastEndOf(pod)?.message ?? pod.status?.message;
  return said ? [oneLine(said)] : [];
}

/** The warnings about an object, oldest first; none where they may not be read. */
export async function eventsOf(api: Api, name: string, signal: AbortSignal): Promise<readonly IEvent[]> {
  try {
    const fields = `involvedObject.name=${name},type=Warning`;
    const { items } = await api.list(kinds.event, { fields }, signal);
    return [...items].sort((a, b) => timeOf(a) - timeOf(b));
  } catch (error) {
    if (error instanceof ApiRefusal) return [];
    throw error;
  }
}

function timeOf({ lastTimestamp, eventTime, metadata }: IEvent): number {
  return Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0;
}

function wordsOf(events: readonly IEvent[]): readonly string[] {
  const told = events.map(({ message, reason, count }) => {
    const times = (count ?? 1) > 1 ? ` (${count} times)` : '';
    return `${oneLine(message ?? reason ?? '')}${times}`;
  });
  return [...new Set(told)].slice(-evidenceEvents);
}
