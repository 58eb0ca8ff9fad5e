import type { IReplicaSet } from 'kubernetes-models/apps/v1';
import type { IPodTemplateSpec } from 'kubernetes-models/v1';
import { canonicalJson } from '../../core/release.ts';
import type { Running } from '../../core/rollout.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import { labels, namesOf, type Place, releaseLabel, selectorOf } from '../manifests/names.ts';
import { renderRelease } from '../manifests/render-release.ts';
import { orRefusal } from '../preflight/cluster-parts.ts';
import { type StoredRelease, secretSetMark } from '../store/stored-release.ts';
import { containerSpecOf } from './pod-status.ts';

export interface RecoverReleaseOptions {
  readonly api: Api;
  readonly place: Place;
  readonly running: Running;
  readonly signal: AbortSignal;
}

/**
 * A release that runs and whose stored copy is gone, from the ReplicaSet that it was rolled out with: it finds that one
 * again, and no replica is started anew. Undefined: there is none, or it is not as the release says any more.
 */
export async function recoverRelease(options: RecoverReleaseOptions): Promise<StoredRelease | undefined> {
  const { api, place, running, signal } = options;
  const { release, secretSet } = running;
  const own = {
    ...selectorOf(place),
    [labels.release]: releaseLabel(release.id),
    ...(secretSet === undefined ? {} : { [labels.secretSet]: secretSet }),
  };
  const { items } = await api.list(kinds.replicaSet, { labels: own }, signal);
  // What others made of it came later.
  const set = items.filter((item) => isOf(item, running)).toSorted(byAge)[0];
  const template = set?.spec?.template;
  const container = containerSpecOf(template ?? {});
  const image = container?.image;
  const settings = container?.envFrom?.find(({ configMapRef }) => configMapRef)?.configMapRef?.name;
  if (!template || image === undefined || settings === undefined) return undefined;
  const [pullFrom = ''] = image.split('@');
  const rendered = renderRelease({ release, pullFrom, place });
  const data =
    rendered.settings.name === settings
      ? rendered.settings.data
      : (await orUndefined(() => api.get(kinds.configMap, settings, signal)))?.data;
  if (!data) return undefined;
  return {
    schemaVersion: 1,
    release,
    template: canonicalJson(withoutRun(template, running, place)),
    settings: { name: settings, data },
    image,
  };
}

/** What may not be read is as good as gone. */
async function orUndefined<T extends object>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  const found = await orRefusal(read);
  return found instanceof ApiRefusal ? undefined : found;
}

function isOf({ metadata, spec }: IReplicaSet, { release, secretSet }: Running): boolean {
  const image = containerSpecOf(spec?.template ?? {})?.image ?? '';
  const isRestarted = spec?.template?.metadata?.annotations !== undefined;
  return (
    metadata?.labels?.[labels.secretSet] === secretSet &&
    release.image !== undefined &&
    image.endsWith(`@${release.image}`) &&
    !isRestarted
  );
}

function byAge(a: IReplicaSet, b: IReplicaSet): number {
  return Date.parse(a.metadata?.creationTimestamp ?? '') - Date.parse(b.metadata?.creationTimestamp ?? '');
}

/** Without what the Deployment's controller and the rollout filled in. */
function withoutRun(
  { metadata, spec }: IPodTemplateSpec,
  { secretSet }: Running,
  place: Place,
): IPodTemplateSpec {
  const { [hashLabel]: _, [labels.secretSet]: __, ...own } = metadata?.labels ?? {};
  const template = { metadata: { labels: own }, ...(spec ? { spec } : {}) };
  if (secretSet === undefined) return template;
  const { secrets } = namesOf(place);
  const text = JSON.stringify(template).replaceAll(`"${secrets(secretSet)}"`, `"${secrets(secretSetMark)}"`);
  return JSON.parse(text) as IPodTemplateSpec;
}

const hashLabel = 'pod-template-hash';
