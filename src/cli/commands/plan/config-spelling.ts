import type { Release } from '../../../core/release.ts';

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** What makes a release, by the config's keys and in its spelling: what is read here can be looked up there. */
export function inConfigSpelling({ settings }: Pick<Release, 'settings'>): object {
  const { env, secrets, port, paths, probes, drainMs, releaseCommand, pod } = settings;
  const { timeoutMs, ...probePaths } = probes;
  return {
    service: {
      env,
      secrets: secrets.length === 0 ? undefined : secrets,
      port,
      paths,
      probes: { ...probePaths, timeout: toDuration(timeoutMs) },
      drain: toDuration(drainMs),
      release: releaseCommand,
    },
    // The environment's own keys.
    ...(pod ? { resources: pod.resources, preStop: toDuration(pod.preStopMs) } : {}),
  };
}

/** `30s`, in the largest unit that leaves no fraction. */
function toDuration(ms: number): string {
  const [unit, size] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
