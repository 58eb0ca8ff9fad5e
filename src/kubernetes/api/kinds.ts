import type {
  IValidatingAdmissionPolicy,
  IValidatingAdmissionPolicyBinding,
} from 'kubernetes-models/admissionregistration.k8s.io/v1';
import type { IDeployment, IReplicaSet } from 'kubernetes-models/apps/v1';
import type { ISelfSubjectReview } from 'kubernetes-models/authentication.k8s.io/v1';
import type {
  ISelfSubjectAccessReview,
  ISelfSubjectRulesReview,
} from 'kubernetes-models/authorization.k8s.io/v1';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { IJob } from 'kubernetes-models/batch/v1';
import type { ILease } from 'kubernetes-models/coordination.k8s.io/v1';
import type { IIngress, IIngressClass, INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IRole, IRoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import type {
  IConfigMap,
  IEvent,
  ILimitRange,
  INamespace,
  INode,
  IPod,
  IResourceQuota,
  ISecret,
  IService,
  IServiceAccount,
} from 'kubernetes-models/v1';

/** What every object has. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: Metadata | undefined;
}

interface Metadata {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A kind of object, and where the API has it. */
export interface Kind<T extends KubernetesObject = KubernetesObject> {
  readonly apiVersion: string;
  readonly kind: string;
  /** As its URL names it. */
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Never there: it carries the type. */
  readonly type?: T;
}

function kind<T extends KubernetesObject>(
  apiVersion: string,
  name: string,
  plural: string,
  isNamespaced = true,
): Kind<T> {
  return { apiVersion, kind: name, plural, isNamespaced };
}

/** The kinds that Causeway makes or reads. */
export const kinds = {
  namespace: kind<INamespace>('v1', 'Namespace', 'namespaces', false),
  node: kind<INode>('v1', 'Node', 'nodes', false),
  pod: kind<IPod>('v1', 'Pod', 'pods'),
  service: kind<IService>('v1', 'Service', 'services'),
  serviceAccount: kind<IServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts'),
  configMap: kind<IConfigMap>('v1', 'ConfigMap', 'configmaps'),
  secret: kind<ISecret>('v1', 'Secret', 'secrets'),
  event: kind<IEvent>('v1', 'Event', 'events'),
  resourceQuota: kind<IResourceQuota>('v1', 'ResourceQuota', 'resourcequotas'),
  limitRange: kind<ILimitRange>('v1', 'LimitRange', 'limitranges'),
  deployment: kind<IDeployment>('apps/v1', 'Deployment', 'deployments'),
  replicaSet: kind<IReplicaSet>('apps/v1', 'ReplicaSet', 'replicasets'),
  job: kind<IJob>('batch/v1', 'Job', 'jobs'),
  lease: kind<ILease>('coordination.k8s.io/v1', 'Lease', 'leases'),
  autoscaler: kind<IHorizontalPodAutoscaler>(
    'autoscaling/v2',
    'HorizontalPodAutoscaler',
    'horizontalpodautoscalers',
  ),
  networkPolicy: kind<INetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  ingress: kind<IIngress>('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  ingressClass: kind<IIngressClass>('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', false),
  /** How EKS leads a load balancer's target group to a Service. */
  targetGroupBinding: kind<KubernetesObject>(
    'eks.amazonaws.com/v1',
    'TargetGroupBinding',
    'targetgroupbindings',
  ),
  disruptionBudget: kind<IPodDisruptionBudget>('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  role: kind<IRole>('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  roleBinding: kind<IRoleBinding>('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
  admissionPolicy: kind<IValidatingAdmissionPolicy>(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
    false,
  ),
  admissionBinding: kind<IValidatingAdmissionPolicyBinding>(
    'admissionregistration.k8s.io/v1',
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
    false,
  ),
  accessReview: kind<ISelfSubjectAccessReview>(
    'authorization.k8s.io/v1',
    'SelfSubjectAccessReview',
    'selfsubjectaccessreviews',
    false,
  ),
  rulesReview: kind<ISelfSubjectRulesReview>(
    'authorization.k8s.io/v1',
    'SelfSubjectRulesReview',
    'selfsubjectrulesreviews',
    false,
  ),
  selfReview: kind<ISelfSubjectReview>(
    'authentication.k8s.io/v1',
    'SelfSubjectReview',
    'selfsubjectreviews',
    false,
  ),
} as const;

/** The kind of an object that Causeway makes. */
export function kindOf(object: KubernetesObject): Kind {
  const found = Object.values(kinds).find(
    ({ apiVersion, kind: name }) => apiVersion === object.apiVersion && name === object.kind,
  );
  if (!found) throw new Error(`${object.apiVersion} ${object.kind} is not among src/kubernetes/api/kinds.ts`);
  return found;
}
