import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { INamespace, IServiceAccount } from 'kubernetes-models/v1';
import type { KubernetesObject } from '../api/kinds.ts';
import type { CloudExposure, ClusterConfig } from '../cluster-config.ts';
import { ingressOf, serviceOf, servicePort } from './exposure.ts';
import { metadataOf, namesOf, ownLabels, type Place } from './names.ts';
import { networkPolicyOf } from './network-policy.ts';

export interface EnvironmentObjectsOptions {
  readonly place: Place;
  readonly config: ClusterConfig;
}

/**
 * What an environment is made of whatever release it runs, in the order to apply it. The Namespace, the first one, is
 * for a namespace that is missing or Causeway's own: in one of other owners nothing but what is ours is changed.
 */
export function environmentObjects({
  place,
  config,
}: EnvironmentObjectsOptions): readonly KubernetesObject[] {
  const { exposure, autoscale } = config;
  return [
    namespaceOf(place, exposure),
    serviceAccountOf(place),
    networkPolicyOf({ place, exposure, allowFrom: config.allowFrom }),
    serviceOf({ place, exposure }),
    ...(autoscale ? [autoscalerOf(place, autoscale)] : []),
    ...(exposure.kind === 'ingress' ? [ingressOf({ place, exposure })] : []),
    ...(exposure.kind === 'cloud' ? cloudObjectsOf(place, exposure) : []),
  ];
}

/** What leads a cloud's load balancer to the Service. */
function cloudObjectsOf(place: Place, exposure: CloudExposure): readonly KubernetesObject[] {
  const metadata = metadataOf(place, 'service', namesOf(place).service);
  return exposure.objects({ metadata, port: servicePort(exposure) });
}

function namespaceOf(place: Place, exposure: ClusterConfig['exposure']) {
  const standard = 'restricted';
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: place.namespace,
      labels: {
        ...ownLabels(place),
        ...(exposure.kind === 'cloud' ? exposure.namespaceLabels : {}),
        'pod-security.kubernetes.io/enforce': standard,
        'pod-security.kubernetes.io/warn': standard,
        'pod-security.kubernetes.io/audit': standard,
      },
    },
  } satisfies INamespace;
}

/** A replica has nothing to say to the API. */
function serviceAccountOf(place: Place) {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(place, 'service', namesOf(place).service),
    automountServiceAccountToken: false,
  } satisfies IServiceAccount;
}

function autoscalerOf(place: Place, { min, max, cpu }: NonNullable<ClusterConfig['autoscale']>) {
  const name = namesOf(place).service;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadataOf(place, 'service', name),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: min,
      maxReplicas: max,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpu } },
        },
      ],
    },
  } satisfies IHorizontalPodAutoscaler;
}
