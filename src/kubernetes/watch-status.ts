import type { Status } from '../core/environment.ts';
import { UnreachableError } from '../core/errors.ts';
import { orAbort } from '../core/or-abort.ts';
import type { Selector } from './api/api.ts';
import type { Kind } from './api/kinds.ts';
import { kinds } from './api/kinds.ts';
import { namesOf, selectorOf } from './manifests/names.ts';
import { type ReadStatusOptions, readStatus } from './read-status.ts';

/** What changes together is told once. */
const togetherMs = 50;
/** What nobody tells of changes as well: the time until a trouble is one. */
const everyMs = 5_000;

/** The status whenever it changes; goes on when the cluster was away. */
export async function* watchStatus(options: ReadStatusOptions, signal: AbortSignal): AsyncGenerator<Status> {
  const { api, place } = options;
  const ended = new AbortController();
  const watching = AbortSignal.any([signal, ended.signal]);
  let changed = Promise.withResolvers<void>();
  const follow = async (kind: Kind, selector: Selector) => {
    for await (const _ of api.watch(kind, selector, watching)) changed.resolve();
  };
  const { state, service } = namesOf(place);
  const watches = [
    follow(kinds.configMap, { fields: `metadata.name=${state}` }),
    follow(kinds.deployment, { fields: `metadata.name=${service}` }),
    follow(kinds.pod, { labels: selectorOf(place) }),
  ];
  // A watch that ends is no reason to end: it is looked again after a while either way.
  for (const watch of watches) watch.catch(() => undefined);
  try {
    while (!signal.aborted) {
      changed = Promise.withResolvers();
      const status = await readStatus(options, signal).catch(nothingIfAway);
      if (status) yield status;
      await orAbort(Promise.race([changed.promise, Bun.sleep(everyMs)]), signal);
      await Bun.sleep(togetherMs);
    }
  } finally {
    ended.abort();
  }
}

function nothingIfAway(error: unknown): undefined {
  if (!(error instanceof UnreachableError)) throw error;
}
