/** What EKS Auto Mode has in every cluster, as far as it is about load balancing. */

export const group = 'eks.amazonaws.com';
export const namespaceLabel = 'eks.amazonaws.com/pod-readiness-gate-inject';
export const finalizer = 'eks.amazonaws.com/resources';

export interface Binding {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly serviceRef: { readonly name: string; readonly port: number | string };
    readonly targetGroupARN: string;
    readonly targetType?: string;
  };
}

/** The type of a pod's condition that its balancer sets. */
export function gateOf({ metadata }: Pick<Binding, 'metadata'>): string {
  return `target-health.${group}/${metadata.name}`;
}

export const bindingDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `targetgroupbindings.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: {
      kind: 'TargetGroupBinding',
      listKind: 'TargetGroupBindingList',
      plural: 'targetgroupbindings',
      singular: 'targetgroupbinding',
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                type: 'object',
                required: ['serviceRef', 'targetGroupARN'],
                properties: {
                  serviceRef: {
                    type: 'object',
                    required: ['name', 'port'],
                    properties: {
                      name: { type: 'string' },
                      port: {
                        'x-kubernetes-int-or-string': true,
                        anyOf: [{ type: 'integer' }, { type: 'string' }],
                      },
                    },
                  },
                  targetGroupARN: { type: 'string', minLength: 1 },
                  targetType: { type: 'string', enum: ['instance', 'ip'] },
                  ipAddressType: { type: 'string', enum: ['ipv4', 'ipv6'] },
                  vpcID: { type: 'string' },
                  nodeSelector: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  networking: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                },
              },
              status: {
                type: 'object',
                properties: { observedGeneration: { type: 'integer', format: 'int64' } },
              },
            },
          },
        },
      },
    ],
  },
} as const;

/** Of nodes: where Auto Mode is told whether to enforce network policies. */
export const nodeClassDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `nodeclasses.${group}` },
  spec: {
    group,
    scope: 'Cluster',
    names: { kind: 'NodeClass', listKind: 'NodeClassList', plural: 'nodeclasses', singular: 'nodeclass' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  networkPolicy: { type: 'string', enum: ['DefaultAllow', 'DefaultDeny'] },
                  networkPolicyEventLogs: { type: 'string', enum: ['Enabled', 'Disabled'] },
                },
                'x-kubernetes-preserve-unknown-fields': true,
              },
            },
          },
        },
      },
    ],
  },
} as const;

export const nodeClass = {
  apiVersion: `${group}/v1`,
  kind: 'NodeClass',
  metadata: { name: 'default' },
  spec: { networkPolicy: 'DefaultAllow', networkPolicyEventLogs: 'Disabled' },
} as const;

export const webhookName = 'eks-load-balancing-webhook';

export function webhookOf({ url, certificate }: { readonly url: string; readonly certificate: string }) {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: webhookName },
    webhooks: [
      {
        name: `pod-readiness-gate-inject.${group}`,
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        timeoutSeconds: 5,
        clientConfig: { url, caBundle: Buffer.from(certificate).toString('base64') },
        namespaceSelector: { matchLabels: { [namespaceLabel]: 'enabled' } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
}
