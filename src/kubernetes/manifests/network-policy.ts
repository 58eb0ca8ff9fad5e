import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { ClusterConfig } from '../cluster-config.ts';
import {
  type Component,
  labels,
  metadataOf,
  namesOf,
  ownLabels,
  type Place,
  portName,
  selectorOf,
} from './names.ts';

export interface NetworkPolicyOptions {
  readonly place: Place;
  readonly exposure: ClusterConfig['exposure'];
  readonly allowFrom: ClusterConfig['allowFrom'];
}

/** Who may open connections to replicas: whom the config names, and the agent always. */
export function networkPolicyOf(options: NetworkPolicyOptions) {
  const { place } = options;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(place, 'service', namesOf(place).service),
    spec: {
      podSelector: { matchLabels: selectorOf(place) },
      policyTypes: ['Ingress'],
      ingress: [{ ...originsOf(options), ports: [{ port: portName, protocol: 'TCP' }] }],
    },
  } satisfies INetworkPolicy;
}

type Rule = NonNullable<NonNullable<INetworkPolicy['spec']>['ingress']>[number];
type Peer = NonNullable<Rule['from']>[number];

/** An empty `from` means everybody, as a missing one does: so none is ever empty, and it is left out on purpose alone. */
function originsOf({ place, exposure, allowFrom }: NetworkPolicyOptions): { readonly from?: Peer[] } {
  if (exposure.kind === 'cloud')
    return { from: [agentOf(place), ...exposure.allowFrom.map((cidr) => peerOf({ cidr }))] };
  if (allowFrom) return { from: [agentOf(place), ...allowFrom.map(peerOf)] };
  return exposure.kind === 'clusterip' ? { from: [{ podSelector: {} }] } : {};
}

function agentOf(place: Place): Peer {
  const component: Component = 'agent';
  return { podSelector: { matchLabels: { ...ownLabels(place), [labels.component]: component } } };
}

function peerOf(origin: NonNullable<ClusterConfig['allowFrom']>[number]): Peer {
  if ('cidr' in origin) return { ipBlock: { cidr: origin.cidr } };
  return { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': origin.namespace } } };
}
