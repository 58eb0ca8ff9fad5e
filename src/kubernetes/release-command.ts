import type { IJob } from 'kubernetes-models/batch/v1';
import type { IPod } from 'kubernetes-models/v1';
import { showMs } from '../core/duration.ts';
import { UnreachableError } from '../core/errors.ts';
import { shortId } from '../core/release.ts';
import type { Exit, OneOff } from '../core/target.ts';
import { type Evidence, evidenceSchema } from '../core/verdict.ts';
import type { Api } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { ApiRefusal } from './api/refusal.ts';
import { commandJobOf } from './command-job.ts';
import { eventsOf, podEvidence } from './evidence.ts';
import { namesOf, type Place } from './manifests/names.ts';
import { parseJson } from './store/owned.ts';
import type { Store } from './store/store.ts';
import { PodMemory } from './target/pod-memory.ts';
import { troubleOf } from './target/trouble.ts';
import { oneLine } from './target/trouble-words.ts';

export interface CommandJobRunOptions {
  readonly api: Api;
  readonly place: Place;
  readonly store: Pick<Store, 'readRelease'>;
  readonly what: OneOff;
  readonly signal: AbortSignal;
}

const lookMs = 400;
/** How long the cluster may not answer before it is left to the next command to look up the end. */
const unreachableMs = 60_000;

/**
 * Runs a release command as a Job that is named by its rollout, to its end. One that was begun before is looked up
 * and never made again. A cluster that does not answer for a while is no failure: the Job goes on.
 */
export async function runCommandJob(options: CommandJobRunOptions): Promise<Exit> {
  const { what, signal } = options;
  const run = new CommandRun(options);
  let isBegun = what.isBegun;
  let unreachableSince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      if (!isBegun) {
        const refused = await run.begin();
        if (refused) return refused;
        isBegun = true;
      }
      const exit = await run.look();
      if (exit) return exit;
      unreachableSince = undefined;
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      unreachableSince ??= performance.now();
      if (performance.now() - unreachableSince > unreachableMs) throw error;
    }
    await Bun.sleep(lookMs);
  }
}

/** Where a Job says why it was ended before its time; it is kept, so that the next command finds the same end. */
const endedAnnotation = 'causeway.dev/ended';

class CommandRun {
  readonly #options: CommandJobRunOptions;
  readonly #name: string;
  readonly #memory = new PodMemory();
  /** Why its pod is not running, as it was last seen. */
  #waitsFor: string | undefined;

  constructor(options: CommandJobRunOptions) {
    this.#options = options;
    this.#name = namesOf(options.place).command(options.what.id);
  }

  /** Makes the Job, whose name sees to it that there is one; the end of a command that the cluster refused at once. */
  async begin(): Promise<Exit | undefined> {
    const { api, place, store, what, signal } = this.#options;
    const { id } = what.running.release;
    const stored = await store.readRelease(id, signal);
    if (!stored) throw new Error(`release ${shortId(id)} was not stored before its command`);
    try {
      await api.create(commandJobOf({ place, stored, what }), { signal });
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status === 401) throw error;
      // The answer to an earlier try was lost.
      if (error.reason === 'AlreadyExists') return undefined;
      return failed({ exit: refusal, lines: [oneLine(error.message)] });
    }
  }

  /** Undefined: it has not ended. */
  async look(): Promise<Exit | undefined> {
    const { api, signal } = this.#options;
    const job = await api.get(kinds.job, this.#name, signal);
    if (!job) return { kind: 'unknown' };
    const ended = job.metadata?.annotations?.[endedAnnotation];
    if (ended !== undefined) return failed(evidenceFrom(ended));
    const { items } = await api.list(kinds.pod, { labels: { [jobLabel]: this.#name } }, signal);
    const [pod] = items;
    if (is(job, 'Complete', 'SuccessCriteriaMet') || pod?.status?.phase === 'Succeeded')
      return { kind: 'succeeded' };
    if (pod?.status?.phase === 'Failed') return failed(await this.#evidenceOf(pod));
    if (is(job, 'Failed', 'FailureTarget')) return failed(this.#evidenceWithoutPod(job));
    if (pod) return this.#whyNotRunning(pod);
    return this.#whyNotMade();
  }

  async #evidenceOf(pod: IPod): Promise<Evidence> {
    const { api, place, what, signal } = this.#options;
    const evidence = await podEvidence({ api, place, pod, signal });
    const isLate = pod.status?.reason === 'DeadlineExceeded';
    return isLate ? { ...evidence, exit: `no end in ${showMs(what.timeoutMs)}` } : evidence;
  }

  /** Nothing of it is left to read: it was deleted or evicted, or never had a node. */
  #evidenceWithoutPod(job: IJob): Evidence {
    const { what } = this.#options;
    const condition = job.status?.conditions?.find(
      ({ type, status }) => /^Fail/.test(type) && status === 'True',
    );
    const isLate = condition?.reason === 'DeadlineExceeded';
    const said = this.#waitsFor ?? (isLate ? undefined : 'its pod was deleted before it ended');
    return {
      exit: isLate ? `no end in ${showMs(what.timeoutMs)}` : 'its pod gone',
      lines: said === undefined ? [] : [said],
    };
  }

  async #whyNotRunning(pod: IPod): Promise<Exit | undefined> {
    const { api, signal } = this.#options;
    if (pod.status?.phase === 'Running') return undefined;
    const events = await eventsOf(api, pod.metadata?.name ?? '', signal);
    const trouble = troubleOf({ pod, events, memory: this.#memory });
    this.#waitsFor = trouble?.message;
    return trouble?.isConclusive ? this.#end({ exit: 'no start', lines: [trouble.message] }) : undefined;
  }

  /** Admission or a quota refuses the pod. */
  async #whyNotMade(): Promise<Exit | undefined> {
    const { api, signal } = this.#options;
    const events = await eventsOf(api, this.#name, signal);
    const told = events.findLast(({ reason }) => reason === 'FailedCreate');
    if (!told) return undefined;
    return this.#end({ exit: refusal, lines: [oneLine(told.message ?? '')] });
  }

  /** Sees to it that it does not start later, when the cause has gone and nobody expects it any more. */
  async #end(evidence: Evidence): Promise<Exit> {
    const { api, signal } = this.#options;
    const annotations = { [endedAnnotation]: JSON.stringify(evidence) };
    await api.patch(
      kinds.job,
      this.#name,
      { metadata: { annotations }, spec: { suspend: true } },
      { signal },
    );
    return failed(evidence);
  }
}

/** How the cluster's own "no" reads after `ended with`. */
const refusal = 'a refusal';

/** By which a Job's controller labels its pods. */
const jobLabel = 'batch.kubernetes.io/job-name';

function is({ status }: IJob, ...types: readonly string[]): boolean {
  return (
    status?.conditions?.some(({ type, status: holds }) => types.includes(type) && holds === 'True') ?? false
  );
}

function evidenceFrom(text: string): Evidence {
  const parsed = evidenceSchema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : { lines: [text] };
}

function failed(evidence: Evidence): Exit {
  return { kind: 'failed', evidence };
}
