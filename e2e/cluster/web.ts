import type { Namespace } from './cluster.ts';
import { podPolicy } from './pod-policy.ts';

/** `images/web`, restricted: a Deployment of one pod, and its Service. */
export function web({ name: namespace }: Namespace, image: string) {
  const labels = { app: 'web' };
  const metadata = { name: 'web', namespace };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec(image) } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'NodePort', selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ] as const;
}

export function pod({ name: namespace }: Pick<Namespace, 'name'>, spec: object) {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod', namespace }, spec };
}

export function podSpec(image: string) {
  return {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'web',
        image,
        env: [{ name: 'VERSION', value: 'one' }],
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
        resources: { requests: { cpu: '10m', memory: '16Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  };
}

/** Lets pods of the namespace itself in, and no others. */
export function denyOthers({ name: namespace }: Namespace) {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'deny-others', namespace },
    spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }] }] },
  };
}

/** Pods of the namespace name their images by digest. */
export function onlyByDigest({ name }: Namespace) {
  return podPolicy({
    name,
    namespace: name,
    operations: ['CREATE', 'UPDATE'],
    expression: "object.spec.containers.all(c, c.image.matches('@sha256:[0-9a-f]{64}$'))",
    message: 'an image is named by digest',
  });
}
