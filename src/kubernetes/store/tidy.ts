import type { IPod } from 'kubernetes-models/v1';
import type { Desired } from '../../core/rollout.ts';
import { type Kind, type KubernetesObject, kinds } from '../api/kinds.ts';
import { type Component, labels, namesOf, ownLabels } from '../manifests/names.ts';
import { type HistoryOptions, lastGood } from './history.ts';
import { keptLabels, type StoreOptions } from './owned.ts';
import { parseRelease } from './releases.ts';
import { secretLabels } from './secrets.ts';
import { readState } from './state.ts';
import type { StoredState } from './store.ts';

/** How many good releases can be returned to. */
const keptReleases = 20;
/** What was stored a moment ago may belong to a command that is about to roll it out. */
const newMs = 600_000;

/** See `Store.tidy`. One part that is refused keeps the others from nothing. */
export async function tidy(options: HistoryOptions, desired: Desired, signal: AbortSignal): Promise<void> {
  const { api, place } = options;
  const state = await readState(options, signal);
  // Another command has begun a rollout, and tidies up at its end.
  if (!state || state.desired.rollout?.id !== desired.rollout?.id) return;
  const { agentImage } = state;
  const [now, good, { items: pods }] = await Promise.all([
    timeThere(options, signal),
    lastGood(options, state, keptReleases, signal),
    api.list(kinds.pod, { labels: ownLabels(place) }, signal),
  ]);
  const given = { ...options, desired, good, agentImage, pods, now, signal };
  const parts = await Promise.allSettled([tidyReleases(given), tidySecrets(given), tidyJobs(given)]);
  for (const part of parts) if (part.status === 'rejected') throw part.reason;
}

interface Given extends StoreOptions, Pick<StoredState, 'desired'> {
  /** The ids of the releases that can be returned to. */
  readonly good: readonly string[];
  readonly agentImage: string | undefined;
  readonly pods: readonly IPod[];
  /** By the clock of the cluster. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/** The API server's time: ours may be minutes off. */
async function timeThere({ api, place }: StoreOptions, signal: AbortSignal): Promise<number> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${place.project}-time` } };
  return madeAt(await api.create(object, { signal, isDryRun: true }));
}

function madeAt({ metadata = {} }: KubernetesObject): number {
  const { creationTimestamp } = metadata as { readonly creationTimestamp?: string };
  return Date.parse(creationTimestamp ?? '');
}

/** A time that cannot be read is as good as now. */
function isNew(object: KubernetesObject, now: number): boolean {
  return !(now - madeAt(object) >= newMs);
}

async function tidyReleases(given: Given): Promise<void> {
  const { api, place, desired, good, now, signal } = given;
  const inUse = [desired.stable, desired.candidate].flatMap((running) => running?.release.id ?? []);
  const kept = new Set([...good, ...inUse]);
  const { items } = await api.list(kinds.configMap, { labels: keptLabels(place, 'release') }, signal);
  const settings = new Set<string>();
  const images = new Set<string>();
  const gone: KubernetesObject[] = [];
  let isAllRead = true;
  for (const item of items) {
    const stored = parseRelease(item);
    if (!stored) isAllRead = false;
    else if (kept.has(stored.release.id) || isNew(item, now)) {
      settings.add(stored.settings.name);
      images.add(stored.image);
    } else gone.push(item);
  }
  await removeAll(given, kinds.configMap, gone);
  // What a newer Causeway stored names settings and images that this one cannot know.
  if (!isAllRead) return;
  await tidySettings(given, settings);
  await tidyAdmitted(given, images);
}

async function tidySettings(given: Given, kept: ReadonlySet<string>): Promise<void> {
  const { api, place, now, signal } = given;
  const { items } = await api.list(kinds.configMap, { labels: keptLabels(place, 'settings') }, signal);
  const gone = items.filter((item) => !kept.has(item.metadata?.name ?? '') && !isNew(item, now));
  await removeAll(given, kinds.configMap, gone);
}

/** A digest goes once its release is gone and nothing runs it. */
async function tidyAdmitted(
  { api, place, agentImage, pods, signal }: Given,
  images: ReadonlySet<string>,
): Promise<void> {
  const name = namesOf(place).admitted;
  const admitted = await api.get(kinds.configMap, name, signal);
  const running = pods.flatMap(imagesOf);
  const kept = new Set([...images, ...running, agentImage ?? ''].map(hexOf));
  const gone = Object.keys(admitted?.data ?? {}).filter(
    (key) => /^[0-9a-f]{64}$/.test(key) && !kept.has(key),
  );
  if (gone.length === 0) return;
  const data = Object.fromEntries(gone.map((key) => [key, null]));
  await api.patch(kinds.configMap, name, { data }, { signal });
}

function imagesOf({ spec }: IPod): readonly string[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].map(({ image = '' }) => image);
}

function hexOf(image: string): string {
  return image.slice(image.lastIndexOf(':') + 1);
}

async function tidySecrets(given: Given): Promise<void> {
  const { api, place, desired, pods, now, signal } = given;
  const { items } = await api.list(kinds.secret, { labels: secretLabels(place) }, signal);
  const inUse = new Set([
    desired.stable?.secretSet,
    desired.candidate?.secretSet,
    ...pods.map(({ metadata }) => metadata?.labels?.[labels.secretSet]),
  ]);
  const gone = items.filter(
    (item) => !inUse.has(item.metadata?.labels?.[labels.secretSet]) && !isNew(item, now),
  );
  await removeAll(given, kinds.secret, gone);
}

/** Those of rollouts that have ended: their evidence was read. */
async function tidyJobs(given: Given): Promise<void> {
  const { api, place, desired, signal } = given;
  const { items } = await api.list(kinds.job, { labels: ownLabels(place) }, signal);
  const components: readonly (string | undefined)[] = ['command', 'agent'] satisfies Component[];
  const { rollout } = desired;
  const names = namesOf(place);
  const present = rollout ? [names.command(rollout.id), names.agentJob(rollout.id)] : [];
  const gone = items.filter(
    ({ metadata }) =>
      components.includes(metadata?.labels?.[labels.component]) && !present.includes(metadata?.name ?? ''),
  );
  await removeAll(given, kinds.job, gone);
}

async function removeAll(
  { api, signal }: Given,
  kind: Kind,
  objects: readonly KubernetesObject[],
): Promise<void> {
  for (const { metadata = {} } of objects) {
    const { name = '', uid } = metadata;
    await api.remove(kind, name, { signal, ...(uid === undefined ? {} : { uid }) });
  }
}
