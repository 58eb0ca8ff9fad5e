import type { Registry } from '../core/environment.ts';
import type { ClusterAccess } from './api/access.ts';
import type { KubernetesObject } from './api/kinds.ts';

/** What a cloud brings to a cluster; all that this target knows of a cloud. */
export interface Reach {
  readonly access: ClusterAccess;
  readonly registry: Registry;
  /** Where users reach the service, without a slash at its end. */
  readonly url: string;
  readonly exposure: Exposure;
}

/** The Service that traffic is led to. */
export interface Exposed {
  /** Of objects beside it; the name is the Service's own. */
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** Where the Service listens. */
  readonly port: number;
}

/** What leads traffic from outside to replicas. */
export interface Exposure {
  /** Of the namespace, beside ours. */
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** Applied after the Service and before the first replica; their kinds are in api/kinds.ts. */
  objects(service: Exposed): readonly KubernetesObject[];
  /** The beginning of the type of a condition that each new pod must wait for, `target-health.eks.amazonaws.com/`. */
  readonly readinessGate: string;
  /** From where its connections come, as CIDR blocks; replicas let them in. */
  readonly allowFrom: readonly string[];
  /** Objects of the cluster itself that must be as given, such as the setting that has network policies enforced. */
  readonly settings: readonly KubernetesObject[];
}
