export interface PodPolicyOptions {
  /** Of the policy and of its binding. */
  readonly name: string;
  readonly namespace: string;
  readonly operations?: readonly ('CREATE' | 'UPDATE')[];
  /** CEL that is true of a pod which may be there. */
  readonly expression: string;
  /** What is said of another. */
  readonly message: string;
}

/** Refuses pods in a namespace, as a platform team does. */
export function podPolicy({
  name,
  namespace,
  operations = ['CREATE'],
  expression,
  message,
}: PodPolicyOptions) {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const resourceRules = [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: ['pods'] }];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: { matchConstraints: { resourceRules }, validations: [{ expression, message }] },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector } },
    },
  ] as const;
}

export function noMoreThan300Mi(where: Pick<PodPolicyOptions, 'name' | 'namespace'>) {
  return podPolicy({
    ...where,
    expression:
      "object.spec.containers.all(c, quantity(c.resources.requests.memory).compareTo(quantity('300Mi')) <= 0)",
    message: 'a pod may ask for at most 300Mi',
  });
}
