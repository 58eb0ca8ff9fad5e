import type { IJob } from 'kubernetes-models/batch/v1';
import type { OneOff } from '../core/target.ts';
import { commandPodOf } from './command-pod.ts';
import { metadataOf, namesOf, type Place } from './manifests/names.ts';
import type { StoredRelease } from './store/stored-release.ts';

export interface CommandJobOptions {
  readonly place: Place;
  readonly stored: StoredRelease;
  readonly what: OneOff;
}

/** Beyond the command's own deadline: for the pod to be ended by it, and its last lines read. */
const beyondSeconds = 60;
/** Rollouts clear them away; this is for those that nobody came back to. */
const keptSeconds = 7 * 24 * 3_600;

/** The Job of a release command, named by its rollout, so that it is found again and never begun twice. */
export function commandJobOf({ place, stored, what }: CommandJobOptions): IJob {
  const { id, running, command, timeoutMs } = what;
  const { secretSet } = running;
  const pod = commandPodOf({ place, stored, secretSet, component: 'command', command });
  const seconds = Math.max(1, Math.ceil(timeoutMs / 1_000));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadataOf(place, 'command', namesOf(place).command(id)),
    spec: {
      backoffLimit: 0,
      // A pod that is ended by its own deadline keeps its log; a Job's takes the pod away with it.
      activeDeadlineSeconds: seconds + beyondSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      template: { ...pod, ...(pod.spec ? { spec: { ...pod.spec, activeDeadlineSeconds: seconds } } : {}) },
    },
  };
}
