import { UnreachableError, UserError } from '../../core/errors.ts';
import { wordsOf } from '../../core/words-of.ts';
import { wait } from '../../image/registry/tries.ts';
import type { Change, List } from './api.ts';
import type { KubernetesObject } from './kinds.ts';
import { readLines } from './lines.ts';
import { ApiRefusal } from './refusal.ts';

export interface WatchOptions<T> {
  readonly list: (signal: AbortSignal) => Promise<List<T>>;
  /** The changes from this resourceVersion on, one JSON document a line. */
  readonly open: (resourceVersion: string, signal: AbortSignal) => Promise<Response>;
  readonly signal: AbortSignal;
  /** Told why it begins again. */
  readonly trace: (line: string) => void;
}

/** Asked of the server, which sends a bookmark before it ends a watch: what changed behind a dead connection is soon seen. */
export const watchSeconds = 30;
const silenceMs = (watchSeconds + 10) * 1_000;
const firstPauseMs = 100;
const longestPauseMs = 3_000;

/**
 * What there is, then how it changes, across everything that ends a watch; ends when the signal aborts. Throws
 * `ApiRefusal` where the server does not let it watch.
 */
export async function* watchChanges<T extends KubernetesObject>(
  options: WatchOptions<T>,
): AsyncGenerator<Change<T>> {
  const { list, signal, trace } = options;
  let pauseMs = firstPauseMs;
  let version: string | undefined;
  while (!signal.aborted) {
    let isHeard = false;
    try {
      if (version === undefined) {
        const { items, resourceVersion } = await list(signal);
        version = resourceVersion;
        yield { kind: 'listed', items };
      }
      for await (const { type, object } of follow(options, version)) {
        if (type === 'ERROR') throw new Expired(JSON.stringify(object));
        isHeard = true;
        version = object.metadata?.resourceVersion ?? version;
        pauseMs = firstPauseMs;
        if (type !== 'BOOKMARK') yield { kind: type === 'DELETED' ? 'removed' : 'set', item: object };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Expired || isGone(error)) version = undefined;
      else if (error instanceof UserError && !(error instanceof UnreachableError)) throw error;
      trace(`watch: ${wordsOf(error)}`);
    }
    if (signal.aborted) return;
    // Between here and a server that answers the rest, something may let no watch through: lists are what there is then.
    if (!isHeard) version = undefined;
    await wait(pauseMs * (0.5 + Math.random() / 2), signal).catch(() => undefined);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }
}

class Expired extends Error {}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

async function* follow<T>({ open, signal }: WatchOptions<T>, version: string): AsyncGenerator<WatchEvent<T>> {
  const silence = new AbortController();
  let timer: Timer | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(new Error('nothing was heard for too long')), silenceMs);
  };
  try {
    heard();
    const response = await open(version, AbortSignal.any([signal, silence.signal]));
    for await (const line of readLines(response.body)) {
      heard();
      yield JSON.parse(line) as WatchEvent<T>;
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** The version is older than what the server remembers. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 410;
}
