import type { IPod } from 'kubernetes-models/v1';
import { wordsOf } from '../../core/words-of.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { type AgentReport, parseReport } from './report.ts';

export interface FollowOptions {
  readonly api: Pick<Api, 'watch' | 'logs' | 'list'>;
  /** The Job's name. */
  readonly job: string;
  /** Told of each report, and of which pod it came. */
  readonly onReport: (report: AgentReport, pod: string) => void;
  /** Why its pod does not run, or undefined once it does. */
  readonly onTrouble: (why: string | undefined) => void;
  /** A pod of it is being taken away. */
  readonly onLeaving: () => void;
  /** A pod of it is gone, or none came: its Job may be gone as well, which nobody of ours takes away meanwhile. */
  readonly onGone: () => void;
  readonly trace: (line: string) => void;
  readonly signal: AbortSignal;
  /** How long its first pod may take to be made. Default: three seconds. */
  readonly firstMs?: number;
}

const usualFirstMs = 3_000;
/** A log that says nothing for so long is asked for anew: its connection may be dead. */
const silenceMs = 5_000;
const pauseMs = 500;

/** Reads the logs of all pods of the agent's Job, each from its last line on, until the signal aborts. */
export async function followReports(options: FollowOptions): Promise<void> {
  const { api, job, signal } = options;
  const followed = new Map<string, PodLog>();
  const there = new Set<string>();
  const leaving = new Set<string>();
  let hasPod = false;
  const none = setTimeout(async () => {
    const why = await whyNoPod(options);
    if (hasPod || signal.aborted) return;
    options.onTrouble(why);
    options.onGone();
  }, options.firstMs ?? usualFirstMs);
  signal.addEventListener('abort', () => clearTimeout(none), { once: true });
  const seen = (pod: IPod) => {
    hasPod = true;
    const uid = pod.metadata?.uid ?? '';
    there.add(uid);
    const known = followed.get(uid);
    if (known) known.seen(pod);
    else if (isStarted(pod)) followed.set(uid, new PodLog(pod, options));
    options.onTrouble(troubleOf(pod));
    if (pod.metadata?.deletionTimestamp !== undefined) leaves(uid);
  };
  const pods = api.watch(kinds.pod, { labels: { 'batch.kubernetes.io/job-name': job } }, signal);
  for await (const change of pods) {
    if (change.kind === 'set') seen(change.item);
    else if (change.kind === 'removed') gone(change.item.metadata?.uid ?? '');
    else {
      const listed = new Set(change.items.map(({ metadata }) => metadata?.uid ?? ''));
      for (const uid of there) if (!listed.has(uid)) gone(uid);
      change.items.forEach(seen);
    }
  }

  function leaves(uid: string): void {
    if (leaving.has(uid)) return;
    leaving.add(uid);
    options.onLeaving();
  }

  function gone(uid: string): void {
    followed.get(uid)?.seen(undefined);
    if (!there.delete(uid)) return;
    leaves(uid);
    options.onGone();
  }
}

/** A quota or a policy refuses the pod, not the Job: the Job's events say so. */
async function whyNoPod({ api, job, signal }: FollowOptions): Promise<string> {
  const fields = `involvedObject.kind=Job,involvedObject.name=${job}`;
  const events = await api.list(kinds.event, { fields }, signal).catch(() => undefined);
  const refused = events?.items.findLast(({ reason }) => reason === 'FailedCreate');
  return refused?.message ?? 'no pod of it was made';
}

/** Follows one pod's log; a gap costs nothing, as a report is a level. */
class PodLog {
  readonly #options: FollowOptions;
  readonly #name: string;
  #hasEnded = false;

  constructor(pod: IPod, options: FollowOptions) {
    this.#options = options;
    this.#name = pod.metadata?.name ?? '';
    this.seen(pod);
    void this.#follow();
  }

  /** Undefined: it is gone. */
  seen(pod: IPod | undefined): void {
    this.#hasEnded = pod === undefined || hasEnded(pod);
  }

  async #follow(): Promise<void> {
    const { signal, trace } = this.#options;
    while (!signal.aborted) {
      // As it was before: what it printed last is read once more after its end.
      const wasOver = this.#hasEnded;
      await this.#read().catch((error: unknown) => {
        if (!signal.aborted) trace(`log of ${this.#name}: ${wordsOf(error)}`);
      });
      if (wasOver) return;
      await Bun.sleep(pauseMs);
    }
  }

  async #read(): Promise<void> {
    const { api, onReport, signal } = this.#options;
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), silenceMs);
    const either = AbortSignal.any([signal, silent.signal]);
    try {
      for await (const line of api.logs(this.#name, { isFollowed: true, tailLines: 1 }, either)) {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), silenceMs);
        const report = parseReport(line);
        if (report) onReport(report, this.#name);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function isStarted({ status }: IPod): boolean {
  return status?.phase === 'Running' || status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function hasEnded({ status }: IPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** What keeps a container from starting, in the kubelet's own words. One that is taken away has its own end. */
function troubleOf({ metadata, status }: IPod): string | undefined {
  if (metadata?.deletionTimestamp !== undefined) return undefined;
  const [container] = status?.containerStatuses ?? [];
  const { waiting, terminated } = container?.state ?? {};
  if (waiting && !normal.includes(waiting.reason ?? '')) return joined(waiting.reason, waiting.message);
  if (terminated && terminated.exitCode !== 0) return `it ended with exit code ${terminated.exitCode}`;
  const unplaced = status?.conditions?.find(
    ({ type, status: is }) => type === 'PodScheduled' && is === 'False',
  );
  return unplaced ? joined(unplaced.reason, unplaced.message) : undefined;
}

const normal = ['ContainerCreating', 'PodInitializing', ''];

function joined(reason = '', message = ''): string {
  return message === '' ? reason : `${reason}: ${message}`;
}
