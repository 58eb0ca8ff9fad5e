import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IPodTemplateSpec } from 'kubernetes-models/v1';
import type { Surge } from '../../core/rollout.ts';
import type { JsonPatch } from '../api/api.ts';
import type { Gate } from './gate.ts';
import { metadataOf, namesOf, type Place, selectorOf } from './names.ts';

export interface DeploymentOptions {
  readonly place: Place;
  readonly template: IPodTemplateSpec;
  /** Undefined: an autoscaler says. */
  readonly replicas: number | undefined;
  readonly gate: Gate;
  /** What room there is beside the replicas that serve. Default: for all. */
  readonly surge?: Surge | undefined;
}

/**
 * While it is closed no new replica counts as available, so that no more of the others go than `maxUnavailable` says. The
 * deadline must be the longer of the two.
 */
const closed = { minReadySeconds: 1_000_000_000, progressDeadlineSeconds: 2_000_000_000 };
const gates = {
  open: { minReadySeconds: 0, progressDeadlineSeconds: 120 },
  one: closed,
  all: closed,
} as const satisfies Readonly<Record<Gate, object>>;

/** The one Deployment of an environment. */
export function deploymentOf({ place, template, replicas, gate, surge }: DeploymentOptions) {
  const { minReadySeconds, progressDeadlineSeconds } = gates[gate];
  // The only one that serves makes room for nobody.
  const hasNoRoom = surge === 'none' && replicas !== 1;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(place, 'service', namesOf(place).service),
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: selectorOf(place) },
      minReadySeconds,
      progressDeadlineSeconds,
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: hasNoRoom
          ? { maxUnavailable: 1, maxSurge: 0 }
          : { maxUnavailable: 0, maxSurge: gate === 'all' ? '100%' : 1 },
      },
      template,
    },
  } satisfies IDeployment;
}

/**
 * What makes the Deployment that is there the one that shall be: its template whole, so that nothing of another owner
 * stays in it, and of the rest what is ours.
 */
export function deploymentPatch(wanted: IDeployment, found: IDeployment): JsonPatch {
  const { replicas, minReadySeconds, progressDeadlineSeconds, strategy, template } = wanted.spec ?? {};
  const fields = Object.entries({ minReadySeconds, progressDeadlineSeconds, strategy, template, replicas });
  const set = (path: string, value: unknown) => ({ op: 'add', path, value }) as const;
  const own = { ...found.metadata?.labels, ...wanted.metadata?.labels };
  return [
    set('/metadata/labels', own),
    ...fields.flatMap(([name, value]) => (value === undefined ? [] : [set(`/spec/${name}`, value)])),
  ];
}
