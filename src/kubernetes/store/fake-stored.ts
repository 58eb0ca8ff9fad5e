import { fakeRelease } from '../../core/fake-target.ts';
import { makeRecord, type RolloutRecord } from '../../core/record.ts';
import type { Release } from '../../core/release.ts';
import { labels, ownLabels, type Place, selectorOf } from '../manifests/names.ts';
import type { StoredRelease } from './stored-release.ts';

export const fakePlace: Place = { project: 'shop', environment: 'staging', namespace: 'shop-staging' };

/** A stored release whose template is as small as one can be. */
export function fakeStored(name: string, { image = name }: { readonly image?: string } = {}): StoredRelease {
  const release = fakeRelease(name);
  const template = {
    metadata: { labels: { ...ownLabels(fakePlace), ...selectorOf(fakePlace), [labels.release]: release.id } },
    spec: { containers: [{ name: 'service', image }] },
  };
  return {
    schemaVersion: 1,
    release,
    template: JSON.stringify(template),
    settings: { name: `shop-settings-${release.id.slice(0, 16)}`, data: { PORT: '8080' } },
    image,
  };
}

/** A record with the texts that records usually hold. */
export function fakeRecord(
  id: string,
  {
    release = fakeRelease('a'),
    isGood = true,
  }: { readonly release?: Release; readonly isGood?: boolean } = {},
): RolloutRecord {
  return makeRecord({
    id,
    kind: 'deploy',
    release: release.id,
    artifact: release.artifact,
    by: 'ada',
    revision: 'main@4be21c0 and 2 changed files',
    startedAt: 1_000,
    endedAt: 2_000,
    verdict: isGood
      ? { kind: 'good' }
      : { kind: 'failed', cause: 'crashed', message: 'exit code 1 after 34 ms' },
    traffic: { requests: 900, errors: 0, lost: 0, retried: 0 },
  });
}
