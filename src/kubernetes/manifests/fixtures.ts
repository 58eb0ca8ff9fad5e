import { type KubernetesConfig, parseConfig, settingsOf } from '../../core/config.ts';
import { makeRelease, type Release } from '../../core/release.ts';
import type { StoredRelease } from '../store/stored-release.ts';
import { type Place, placeOf } from './names.ts';
import { renderRelease } from './render-release.ts';

export interface Shop {
  readonly place: Place;
  readonly config: KubernetesConfig;
  readonly release: Release;
  readonly stored: StoredRelease;
}

export interface ShopParts {
  readonly service?: object;
  readonly environment?: object;
  /** None: a brought image. */
  readonly command?: readonly string[];
  readonly pullFrom?: string;
  readonly image?: string;
  readonly pullSecret?: string;
}

const hex = '0123456789abcdef'.repeat(4);

/** A project called shop, and a release of it in its environment staging. */
export function makeShop(parts: ShopParts = {}): Shop {
  const { service = {}, environment = {}, command = ['bun', 'main.js'], image = `sha256:${hex}` } = parts;
  const exported = {
    project: 'shop',
    service: { entry: 'main.ts', ...service },
    environments: { staging: { target: 'kubernetes', ...environment } },
  };
  const config = parseConfig(exported, 'causeway.config.ts');
  const { staging } = config.environments;
  if (staging?.target !== 'kubernetes') throw new Error('staging is in a cluster');
  const settings = settingsOf(config, staging);
  const release = makeRelease({ artifact: `sha256:${hex}`, image, command: [...command], settings });
  const place = placeOf('shop', 'staging', staging);
  const { pullFrom = 'registry.example.com/team/shop', pullSecret } = parts;
  const stored = renderRelease({
    release,
    pullFrom,
    place,
    ...(pullSecret === undefined ? {} : { pullSecret }),
  });
  return { place, config: staging, release, stored };
}
