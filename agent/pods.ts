import type { IPod } from 'kubernetes-models/v1';
import type { Api } from '../src/kubernetes/api/api.ts';
import { kinds } from '../src/kubernetes/api/kinds.ts';
import { labels, type Place, selectorOf } from '../src/kubernetes/manifests/names.ts';
import type { LabelledPod, Probe } from './probe.ts';

/** Tells the probe of the service's pods, until the signal aborts. */
export async function followPods({
  api,
  place,
  probe,
  signal,
}: {
  readonly api: Pick<Api, 'watch'>;
  readonly place: Place;
  readonly probe: Pick<Probe, 'list' | 'seen' | 'removed'>;
  readonly signal: AbortSignal;
}): Promise<void> {
  for await (const change of api.watch(kinds.pod, { labels: selectorOf(place) }, signal)) {
    if (change.kind === 'listed') probe.list(change.items.map(toPodState));
    else if (change.kind === 'set') probe.seen(toPodState(change.item));
    else probe.removed(change.item.metadata?.uid ?? '');
  }
}

function toPodState({ metadata, status }: IPod): LabelledPod {
  const own = metadata?.labels ?? {};
  const isLeaving = metadata?.deletionTimestamp !== undefined;
  const isReady =
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const containers = status?.containerStatuses ?? [];
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    address: status?.podIP ?? '',
    isReady,
    isLeaving,
    restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
    hasFailed: !isLeaving && containers.some(({ state }) => state?.terminated !== undefined),
    release: own[labels.release] ?? '',
    secretSet: own[labels.secretSet],
  };
}
