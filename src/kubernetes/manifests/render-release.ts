import { canonicalJson, type Release, shortId } from '../../core/release.ts';
import { sha256 } from '../../core/sha256.ts';
import type { StoredRelease } from '../store/stored-release.ts';
import { namesOf, type Place } from './names.ts';
import { podTemplate } from './pod-template.ts';

export interface RenderOptions {
  readonly release: Release;
  /** The repository that nodes pull its image from. */
  readonly pullFrom: string;
  readonly place: Place;
  /** The Secret by which they may. */
  readonly pullSecret?: string;
}

/** A release as it is stored and run: equal input gives equal bytes. */
export function renderRelease({ release, pullFrom, place, pullSecret }: RenderOptions): StoredRelease {
  if (release.image === undefined) throw new Error(`release ${release.id} has no image`);
  const image = `${pullFrom}@${release.image}`;
  const data = settingsData(release);
  const hash = sha256(canonicalJson(data));
  const settings = { name: namesOf(place).settings(hash), data };
  const template = podTemplate({ release, image, settings: settings.name, place, pullSecret });
  return { schemaVersion: 1, release, template: canonicalJson(template), settings, image };
}

/** After SIGTERM a replica accepts for this long, so that kept connections hear that it leaves. */
const sayingMs = 2_000;

/** Nothing but variables: what of them is secret is in no ConfigMap. */
function settingsData({ id, settings: { env, port, drainMs } }: Release): Readonly<Record<string, string>> {
  return {
    DRAIN_SECONDS: String(Math.min(sayingMs, drainMs) / 1_000),
    SHUTDOWN_DEADLINE_SECONDS: String(drainMs / 1_000),
    RELEASE: shortId(id),
    ...env,
    PORT: String(port),
    HOST: '0.0.0.0',
  };
}
