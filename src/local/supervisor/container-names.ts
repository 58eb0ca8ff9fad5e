import { basename } from 'node:path';
import { sha256 } from '../../core/sha256.ts';

/** Marks what a supervisor of this state folder made in an engine. */
const stateLabel = 'causeway.state';
const releaseLabel = 'causeway.release';
/** Which of the kinds a container is: release commands outlive a supervisor that is started again. */
const kindLabel = 'causeway.kind';
export type ContainerKind = 'replica' | 'command' | 'run';

export function labelsOf(
  root: string,
  kind: ContainerKind,
  release: string,
): Readonly<Record<string, string>> {
  return { [stateLabel]: root, [kindLabel]: kind, [releaseLabel]: release };
}

/** As filters have them. */
export function filtersOf(root: string, kind?: ContainerKind): readonly string[] {
  return [`${stateLabel}=${root}`, ...(kind ? [`${kindLabel}=${kind}`] : [])];
}

export function containerName(root: string, part: string): string {
  return `causeway-${stateName(root)}-${part}`;
}

/** Of the release command of a rollout: by it, its end is looked up. */
export function commandContainerName(root: string, rollout: string): string {
  return containerName(root, `command-${rollout}`);
}

/** A state folder in a name that engines take: the project and environment, and a hash of where it lies. */
export function stateName(root: string): string {
  const hash = sha256(root).slice(0, 10);
  const name = basename(root)
    .replace(/-[0-9a-f]{10}$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return name === '' ? hash : `${name}-${hash}`;
}
