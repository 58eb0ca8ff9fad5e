import type { ClusterConfig } from '../cluster-config.ts';

/** Which environment of which project objects are made for. */
export interface Place {
  readonly project: string;
  readonly environment: string;
  readonly namespace: string;
}

export function placeOf(
  project: string,
  environment: string,
  config: Pick<ClusterConfig, 'namespace'>,
): Place {
  return { project, environment, namespace: config.namespace ?? `${project}-${environment}` };
}

/** What a pod or an object is for. */
export type Component = 'service' | 'agent' | 'command' | 'one-off' | 'state';

export const labels = {
  name: 'app.kubernetes.io/name',
  /** The release's short id, as people say it. */
  version: 'app.kubernetes.io/version',
  component: 'app.kubernetes.io/component',
  managedBy: 'app.kubernetes.io/managed-by',
  environment: 'causeway.dev/environment',
  /** The release's id, cut to what a label holds. */
  release: 'causeway.dev/release',
  secretSet: 'causeway.dev/secret-set',
  /** What a ConfigMap keeps: `state`, `history`, `release`, `settings`. */
  keeps: 'causeway.dev/keeps',
} as const;

export const fieldManager = 'causeway';

/** Of a replica: the Service and the NetworkPolicy name it, as releases may listen on different ports. */
export const portName = 'http';

/** By which everything that is made for an environment is found again. */
export function ownLabels({ project, environment }: Place): Readonly<Record<string, string>> {
  return { [labels.name]: project, [labels.managedBy]: 'causeway', [labels.environment]: environment };
}

/** What the Service and the Deployment select; never changes. */
export function selectorOf({ project }: Place): Readonly<Record<string, string>> {
  return { [labels.name]: project, [labels.component]: 'service' satisfies Component };
}

/** The metadata of an object of an environment. */
export function metadataOf(place: Place, component: Component, name: string) {
  const own = { ...ownLabels(place), [labels.component]: component };
  return { name, namespace: place.namespace, labels: own };
}

/** A label holds 63 characters, an id has 64. */
export function releaseLabel(id: string): string {
  return id.slice(0, 16);
}

/** The names of the objects of an environment. */
export function namesOf({ project, namespace }: Place) {
  return {
    /** Deployment, Service, autoscaler, Ingress, NetworkPolicy, PodDisruptionBudget and ServiceAccount. */
    service: project,
    container: 'service',
    agent: `${project}-agent`,
    /** The ConfigMap that holds what shall be, and the Lease under which it is changed. */
    state: `${project}-state`,
    /** The ConfigMap whose keys are the digests that may run. */
    admitted: `${project}-admitted`,
    /** Of the cluster, not of the namespace. */
    admissionPolicy: `causeway-${namespace}-${project}`,
    history: (number: number) => `${project}-history-${number}`,
    release: (id: string) => `${project}-release-${id.slice(0, 16)}`,
    settings: (hash: string) => `${project}-settings-${hash.slice(0, 16)}`,
    secrets: (set: string) => `${project}-secrets-${set}`,
    command: (rollout: string) => `${project}-command-${rollout}`,
    agentJob: (rollout: string) => `${project}-agent-${rollout}`,
    oneOff: (id: string) => `${project}-run-${id}`,
  };
}
