import type { Exposure } from '../../../src/kubernetes/reach.ts';

export interface ExposureOptions {
  readonly targetGroupArn: string;
  /** Of the load balancer's own subnets. */
  readonly allowFrom: readonly string[];
}

/**
 * What leads the stack's load balancer to replicas: the controller of Auto Mode registers the Service's pods in its target
 * group, and gives each new pod a condition that it waits for until the load balancer knows it.
 * https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-alb.html
 */
export function exposureOf({ targetGroupArn, allowFrom }: ExposureOptions): Exposure {
  return {
    namespaceLabels: { 'eks.amazonaws.com/pod-readiness-gate-inject': 'enabled' },
    objects: ({ metadata, port }) => [
      {
        apiVersion: 'eks.amazonaws.com/v1',
        kind: 'TargetGroupBinding',
        metadata,
        spec: { serviceRef: { name: metadata.name, port }, targetGroupARN: targetGroupArn, targetType: 'ip' },
      },
    ],
    readinessGate: 'target-health.eks.amazonaws.com/',
    allowFrom,
    settings: [networkPolicySetting],
  };
}

/**
 * Auto Mode enforces network policies once its controller is told to:
 * https://docs.aws.amazon.com/eks/latest/userguide/auto-net-pol.html
 */
const networkPolicySetting = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'amazon-vpc-cni', namespace: 'kube-system' },
  data: { 'enable-network-policy-controller': 'true' },
};
