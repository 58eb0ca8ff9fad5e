import type {
  IValidatingAdmissionPolicy,
  IValidatingAdmissionPolicyBinding,
} from 'kubernetes-models/admissionregistration.k8s.io/v1';
import type { IConfigMap } from 'kubernetes-models/v1';
import type { KubernetesObject } from '../api/kinds.ts';
import { validations, variables } from './admission-rules.ts';
import { type Component, labels, metadataOf, namesOf, ownLabels, type Place } from './names.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';

/**
 * What keeps pods out that nobody verified: a policy of the cluster's, and where it holds. In a namespace that is
 * Causeway's own it covers every pod; in one that others share, only pods with the labels of this project, among them
 * all that its Service can select. Without the digests that may run, none may.
 */
export function admissionObjects(place: Place): readonly KubernetesObject[] {
  return [policy(place), ...bindings(place)];
}

/** The digests that may run: `sha256:…`, or without its name. */
export function admittedOf(place: Place, digests: readonly string[]) {
  const keys = digests.map((digest) => digest.replace(/^.*sha256:/, '')).sort();
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(place, 'state', namesOf(place).admitted),
    data: Object.fromEntries(keys.map((key) => [key, ''])),
  } satisfies IConfigMap;
}

function policy(place: Place) {
  const pods = { apiGroups: [''], apiVersions: ['v1'], scope: 'Namespaced' as const };
  return {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: namesOf(place).admissionPolicy, labels: ownLabels(place) },
    spec: {
      failurePolicy: 'Fail',
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConstraints: {
        namespaceSelector: { matchLabels: { [nameOfNamespace]: place.namespace } },
        resourceRules: [
          { ...pods, operations: ['CREATE', 'UPDATE'], resources: ['pods'] },
          { ...pods, operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] },
        ],
      },
      variables: [...variables],
      validations: [...validations],
    },
  } satisfies IValidatingAdmissionPolicy;
}

const nameOfNamespace = 'kubernetes.io/metadata.name';
/** Whose pods the policy covers in a namespace that others share. */
const components: readonly Component[] = ['service', 'agent', 'command', 'one-off'];

/** One for a namespace that is Causeway's own, and one for any other: by its labels, one of the two holds. */
function bindings(place: Place) {
  const { admissionPolicy, admitted } = namesOf(place);
  const { namespace, project } = place;
  const binding = (name: string, matchResources: NonNullable<BindingSpec['matchResources']>) =>
    ({
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name, labels: ownLabels(place) },
      spec: {
        policyName: admissionPolicy,
        paramRef: { name: admitted, namespace, parameterNotFoundAction: 'Deny' },
        validationActions: ['Deny'],
        matchResources,
      },
    }) satisfies IValidatingAdmissionPolicyBinding;
  return [
    binding(admissionPolicy, {
      namespaceSelector: { matchLabels: { [nameOfNamespace]: namespace, [labels.managedBy]: 'causeway' } },
    }),
    binding(`${admissionPolicy}-shared`, {
      namespaceSelector: {
        matchLabels: { [nameOfNamespace]: namespace },
        matchExpressions: [{ key: labels.managedBy, operator: 'NotIn', values: ['causeway'] }],
      },
      objectSelector: {
        matchLabels: { [labels.name]: project },
        matchExpressions: [{ key: labels.component, operator: 'In', values: [...components] }],
      },
    }),
  ];
}

type BindingSpec = NonNullable<IValidatingAdmissionPolicyBinding['spec']>;
