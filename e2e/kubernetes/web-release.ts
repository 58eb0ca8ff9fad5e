import { makeRelease, type Release } from '../../src/core/release.ts';

/** A release of an image of the tests, with settings as small as they can be. */
export function webRelease({
  image,
  artifact = image,
  resources,
}: {
  readonly image: string;
  readonly artifact?: string;
  readonly resources: { readonly cpu: string; readonly memory: string };
}): Release {
  return makeRelease({
    artifact,
    image,
    command: [],
    settings: {
      env: {},
      secrets: [],
      port: 8080,
      paths: ['/'],
      probes: { timeoutMs: 1000 },
      drainMs: 1000,
      pod: { resources, preStopMs: 0 },
    },
  });
}
