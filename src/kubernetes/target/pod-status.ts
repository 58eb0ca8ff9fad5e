import type { IPod } from 'kubernetes-models/v1';
import { namesOf } from '../manifests/names.ts';

type ContainerStatus = NonNullable<NonNullable<IPod['status']>['containerStatuses']>[number];
export type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/** The name of the container that is the replica, in every environment. */
export const { container } = namesOf({ project: '', environment: '', namespace: '' });

/** Of the container that is the replica. */
export function containerOf({ status }: IPod): ContainerStatus | undefined {
  return status?.containerStatuses?.find(({ name }) => name === container);
}

export function containerSpecOf({ spec }: Pick<IPod, 'spec'>) {
  return spec?.containers.find(({ name }) => name === container);
}

export function conditionOf({ status }: IPod, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isReadyPod(pod: IPod): boolean {
  return pod.metadata?.deletionTimestamp === undefined && conditionOf(pod, 'Ready')?.status === 'True';
}

/** How often its container ended by itself or was ended by the kubelet, whether or not it was started again. */
export function endsOf(pod: IPod): number {
  const status = containerOf(pod);
  if (!status) return 0;
  const { restartCount, state, lastState } = status;
  // While it waits for its next start, the last end is not counted yet.
  const isDown = state?.terminated !== undefined || (!state?.running && lastState?.terminated !== undefined);
  return restartCount + (isDown ? 1 : 0);
}

/** It has ended or could not be started, and is not on its way to run. */
export function isStopped({ state }: Pick<ContainerStatus, 'state'>): boolean {
  if (state?.terminated) return true;
  return state?.waiting !== undefined && !onItsWay.has(state.waiting.reason ?? '');
}

const onItsWay: ReadonlySet<string> = new Set(['', 'ContainerCreating', 'PodInitializing']);

export function lastEndOf(pod: IPod): Terminated | undefined {
  const status = containerOf(pod);
  return status?.state?.terminated ?? status?.lastState?.terminated;
}
