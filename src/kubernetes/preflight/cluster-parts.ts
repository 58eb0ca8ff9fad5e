import type { Finding } from '../../core/target.ts';
import type { Api } from '../api/api.ts';
import { kinds } from '../api/kinds.ts';
import { ApiRefusal } from '../api/refusal.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import type { Place } from '../manifests/names.ts';

export interface PartsOptions {
  readonly api: Api;
  readonly place: Place;
  readonly config: ClusterConfig;
  readonly signal: AbortSignal;
}

/** The Secret by which nodes pull. */
export async function checkPullSecret({
  api,
  place: { environment, namespace },
  config: { pullSecret },
  signal,
}: PartsOptions): Promise<readonly Finding[]> {
  if (pullSecret === undefined) return [];
  const found = await orRefusal(() => api.get(kinds.secret, pullSecret, signal));
  if (found instanceof ApiRefusal)
    return [unknown(`Secret ${pullSecret}, by which nodes pull: you may not read it`)];
  const make = `kubectl --namespace ${namespace} create secret docker-registry ${pullSecret} --docker-server=… --docker-username=… --docker-password=…`;
  if (!found) {
    const message = `namespace ${namespace} has no Secret ${pullSecret}, which environments.${environment}.pullSecret names`;
    return [{ isProblem: true, message, hint: make }];
  }
  if (found.type !== 'kubernetes.io/dockerconfigjson' && found.type !== 'kubernetes.io/dockercfg') {
    const message = `Secret ${pullSecret} is of type ${found.type}, by which no image is pulled`;
    return [{ isProblem: true, message, hint: `delete it, then ${make}` }];
  }
  return [note(`Secret ${pullSecret} is there, of a type by which nodes pull`)];
}

/** The metrics that an autoscaler goes by. */
export async function checkMetrics({
  api,
  place: { environment },
  config: { autoscale },
  signal,
}: PartsOptions): Promise<readonly Finding[]> {
  if (!autoscale) return [];
  const found = await orRefusal(() => api.read('/apis/metrics.k8s.io/v1beta1', signal));
  if (!(found instanceof ApiRefusal)) return [note('metrics-server answers; the autoscaler goes by it')];
  return [
    {
      isProblem: true,
      message: `the cluster has no metrics-server, so the autoscaler keeps ${autoscale.min} replicas whatever the load`,
      hint: `install metrics-server, or write environments.${environment}.replicas instead of autoscale`,
    },
  ];
}

/** The class of an Ingress: without one nobody serves it. */
export async function checkIngressClass({
  api,
  place: { environment },
  config: { exposure },
  signal,
}: PartsOptions): Promise<readonly Finding[]> {
  if (exposure.kind !== 'ingress') return [];
  const found = await orRefusal(() => api.list(kinds.ingressClass, {}, signal));
  if (found instanceof ApiRefusal) return [unknown('the Ingress class: you may not list them')];
  const names = found.items.map(({ metadata }) => metadata?.name ?? '');
  const { className } = exposure;
  const key = `environments.${environment}.exposure.className`;
  const has =
    names.length === 0 ? 'it has none: install an Ingress controller' : `it has ${names.join(', ')}`;
  if (className !== undefined && !names.includes(className)) {
    const message = `the cluster has no Ingress class ${className}, so nobody serves the Ingress`;
    return [{ isProblem: true, message, hint: `${has}; the name stands in ${key}` }];
  }
  if (className === undefined && !found.items.some(isDefault)) {
    const message = 'the cluster has no default Ingress class, so nobody serves an Ingress that names none';
    return [{ isProblem: true, message, hint: `${has}; write one in ${key}` }];
  }
  return [note(`Ingress class ${className ?? 'of the cluster’s default'} is there`)];
}

function isDefault({
  metadata,
}: {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> | undefined } | undefined;
}): boolean {
  return metadata?.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';
}

/** What the cluster answers, or its refusal, where that is an answer too. */
export async function orRefusal<T>(ask: () => Promise<T>): Promise<T | ApiRefusal> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiRefusal) return error;
    throw error;
  }
}

export function note(message: string): Finding {
  return { isProblem: false, message, hint: '' };
}

/** Of what was not looked at: what, and why. */
export function unknown(message: string): Finding {
  return { ...note(message), isUnknown: true };
}
