import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IPodTemplateSpec } from 'kubernetes-models/v1';
import type { JsonPatch } from '../api/api.ts';
import type { Gate } from './gate.ts';
import { metadataOf, namesOf, type Place, selectorOf } from './names.ts';

export interface DeploymentOptions {
  readonly place: Place;
  readonly template: IPodTemplateSpec;
  /** Undefined: an autoscaler says. */
  readonly replicas: number | undefined;
  readonly gate: Gate;
}

/**
 * While it is closed no new replica counts as available, so that, with `maxUnavailable: 0`, none of the others goes. The
 * deadline must be the longer of the two.
 */
const closed = { minReadySeconds: 1_000_000_000, progressDeadlineSeconds: 2_000_000_000 };
const gates = {
  open: { minReadySeconds: 0, progressDeadlineSeconds: 120, maxSurge: 1 },
  one: { ...closed, maxSurge: 1 },
  all: { ...closed, maxSurge: '100%' },
} as const satisfies Readonly<Record<Gate, object>>;

/** The one Deployment of an environment. */
export function deploymentOf({ place, template, replicas, gate }: DeploymentOptions) {
  const { minReadySeconds, progressDeadlineSeconds, maxSurge } = gates[gate];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(place, 'service', namesOf(place).service),
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: selectorOf(place) },
      minReadySeconds,
      progressDeadlineSeconds,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge } },
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
