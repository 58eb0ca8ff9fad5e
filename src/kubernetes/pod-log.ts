import type { IPod } from 'kubernetes-models/v1';
import type { LogLine } from '../core/environment.ts';
import { UnreachableError } from '../core/errors.ts';
import type { Api, LogOptions } from './api/api.ts';
import { kinds } from './api/kinds.ts';
import { ApiRefusal } from './api/refusal.ts';
import { labels, namesOf, type Place } from './manifests/names.ts';
import { containerOf } from './target/pod-status.ts';

export interface PodLogOptions {
  readonly api: Api;
  readonly place: Place;
  readonly pod: IPod;
  /** Milliseconds since 1970. */
  readonly since: number | undefined;
  readonly signal: AbortSignal;
}

/** How long until a container that is down is looked at again. */
const againMs = 500;

/** What one replica prints, each line once, also over restarts of its container. */
export class PodLog {
  readonly #options: PodLogOptions;
  readonly #name: string;
  readonly #release: string;
  #restarts: number;
  /** The time of the last line that was read, so written that texts compare as times do. */
  #last = '';

  constructor(options: PodLogOptions) {
    const { metadata } = options.pod;
    this.#options = options;
    this.#name = metadata?.name ?? '';
    this.#release = metadata?.labels?.[labels.release] ?? '';
    this.#restarts = restartsOf(options.pod);
  }

  /** What there is, of the container before a restart too; of each the last lines, where so many are asked for. */
  async readNow(lines: number | undefined): Promise<readonly LogLine[]> {
    const tail = lines === undefined ? {} : { tailLines: lines };
    const read: LogLine[] = [];
    const take = (line: LogLine) => read.push(line);
    if (this.#restarts > 0) await this.#read({ ...tail, isPrevious: true }, take);
    await this.#read(tail, take);
    return read;
  }

  /** Goes on from there until the replica is gone. */
  async follow(take: (line: LogLine) => void): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#read({ isFollowed: true }, take);
        if (await this.#hasEnded(take)) return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof UnreachableError)) throw error;
      }
      await Bun.sleep(againMs);
    }
  }

  async #hasEnded(take: (line: LogLine) => void): Promise<boolean> {
    const { api, signal } = this.#options;
    const pod = await api.get(kinds.pod, this.#name, signal);
    if (!pod || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return true;
    if (restartsOf(pod) > this.#restarts) await this.#read({ isPrevious: true }, take);
    this.#restarts = restartsOf(pod);
    return false;
  }

  async #read(options: LogOptions, take: (line: LogLine) => void): Promise<void> {
    const { api, place, since, signal } = this.#options;
    const { container } = namesOf(place);
    const from = this.#last === '' ? since && new Date(since).toISOString() : this.#last;
    const sinceTime = from ? { sinceTime: from } : {};
    try {
      const about = { container, hasTimestamps: true, ...sinceTime, ...options };
      for await (const text of api.logs(this.#name, about, signal)) {
        const line = this.#toLine(text);
        if (line) take(line);
      }
    } catch (error) {
      // Its container did not start yet, or it is gone.
      if (!(error instanceof ApiRefusal) || error.status === 403 || error.status === 401) throw error;
    }
  }

  /** Undefined: it was read before. The cluster goes by whole seconds. */
  #toLine(text: string): LogLine | undefined {
    const end = text.indexOf(' ');
    const time = end === -1 ? text : text.slice(0, end);
    const at = Date.parse(time);
    const { since = 0 } = this.#options;
    const precise = comparable(time);
    if (Number.isNaN(at) || at < since || precise <= this.#last) return undefined;
    this.#last = precise;
    return { at, replica: this.#name, release: this.#release, text: end === -1 ? '' : text.slice(end + 1) };
  }
}

function restartsOf(pod: IPod): number {
  return containerOf(pod)?.restartCount ?? 0;
}

/** With nine digits behind the point, and in UTC. */
function comparable(time: string): string {
  const [, fraction = ''] = /\.(\d+)/.exec(time) ?? [];
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? '' : `${new Date(ms).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`;
}
