import type { ClusterConfig } from '../cluster-config.ts';

/** What may be done with a resource of a namespace. */
export interface Right {
  /** Empty: the core group. */
  readonly group: string;
  /** `pods`, or of its parts `pods/log`. */
  readonly resource: string;
  readonly verbs: readonly Verb[];
}
const verbOrder = ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'] as const;
export type Verb = (typeof verbOrder)[number];

/** What rights are for. */
export type Use = 'look' | 'logs' | 'inside' | 'one-off' | 'roll out' | 'make' | 'take down';

/** The rights that each use takes, all of them in the environment's namespace. */
export const rightsByUse: Readonly<Record<Use, readonly Right[]>> = {
  look: [
    right('', 'configmaps', 'get', 'list', 'watch'),
    right('', 'pods', 'get', 'list', 'watch'),
    right('', 'events', 'list'),
    right('', 'services', 'get'),
    right('', 'serviceaccounts', 'get'),
    right('apps', 'deployments', 'get', 'list', 'watch'),
    right('apps', 'replicasets', 'get', 'list', 'watch'),
    right('autoscaling', 'horizontalpodautoscalers', 'get'),
    right('coordination.k8s.io', 'leases', 'get'),
    right('networking.k8s.io', 'networkpolicies', 'get'),
    right('networking.k8s.io', 'ingresses', 'get'),
    right('policy', 'poddisruptionbudgets', 'get'),
  ],
  logs: [right('', 'pods/log', 'get')],
  inside: [
    right('', 'pods/exec', 'get', 'create'),
    right('', 'pods/attach', 'get', 'create'),
    right('', 'pods/portforward', 'get', 'create'),
  ],
  'one-off': [right('', 'pods', 'get', 'list', 'watch', 'create', 'delete')],
  'roll out': [
    right('', 'configmaps', 'create', 'patch', 'update', 'delete'),
    right('', 'secrets', 'get', 'list', 'create', 'delete'),
    right('', 'events', 'list', 'watch'),
    right('', 'serviceaccounts', 'create', 'patch'),
    right('', 'pods/log', 'get'),
    right('', 'pods/proxy', 'get'),
    right('', 'resourcequotas', 'list'),
    right('', 'limitranges', 'list'),
    right('apps', 'deployments', 'create', 'patch', 'update', 'delete'),
    right('autoscaling', 'horizontalpodautoscalers', 'get'),
    right('batch', 'jobs', 'get', 'list', 'watch', 'create', 'patch', 'delete'),
    right('coordination.k8s.io', 'leases', 'create', 'patch', 'update'),
    right('policy', 'poddisruptionbudgets', 'create', 'patch', 'update', 'delete'),
    right('rbac.authorization.k8s.io', 'roles', 'get', 'create', 'patch'),
    right('rbac.authorization.k8s.io', 'rolebindings', 'get', 'create', 'patch'),
  ],
  make: [
    right('', 'services', 'create', 'patch'),
    right('', 'serviceaccounts', 'create', 'patch'),
    right('networking.k8s.io', 'networkpolicies', 'create', 'patch'),
    right('autoscaling', 'horizontalpodautoscalers', 'create', 'patch', 'delete'),
    right('networking.k8s.io', 'ingresses', 'create', 'patch', 'delete'),
  ],
  'take down': [
    right('', 'pods', 'list', 'delete'),
    right('', 'services', 'list', 'delete'),
    right('', 'serviceaccounts', 'list', 'delete'),
    right('', 'configmaps', 'list', 'delete'),
    right('', 'secrets', 'list', 'delete'),
    right('apps', 'deployments', 'list', 'delete'),
    right('apps', 'replicasets', 'list', 'delete'),
    right('autoscaling', 'horizontalpodautoscalers', 'list', 'delete'),
    right('batch', 'jobs', 'list', 'delete'),
    right('coordination.k8s.io', 'leases', 'list', 'create', 'patch', 'update', 'delete'),
    right('networking.k8s.io', 'networkpolicies', 'list', 'delete'),
    right('networking.k8s.io', 'ingresses', 'list', 'delete'),
    right('policy', 'poddisruptionbudgets', 'list', 'delete'),
    right('rbac.authorization.k8s.io', 'roles', 'list', 'delete'),
    right('rbac.authorization.k8s.io', 'rolebindings', 'list', 'delete'),
  ],
};

/** What each command does with the cluster. */
export const usesOf = {
  status: ['look'],
  releases: ['look'],
  drift: ['look'],
  render: ['look'],
  logs: ['look', 'logs'],
  open: ['look', 'inside'],
  exec: ['look', 'inside'],
  run: ['look', 'logs', 'inside', 'one-off'],
  plan: ['look', 'roll out', 'make'],
  deploy: ['look', 'roll out'],
  rollback: ['look', 'roll out'],
  up: ['look', 'roll out', 'make'],
  doctor: ['look', 'roll out', 'make', 'one-off'],
  down: ['look', 'take down'],
} as const satisfies Readonly<Record<string, readonly Use[]>>;
export type ClusterCommand = keyof typeof usesOf;

/** What a command needs in the namespace; each resource once. Without a config: what any config may need. */
export function rightsFor(command: ClusterCommand, config?: ClusterConfig): readonly Right[] {
  const rights = usesOf[command].flatMap((use) => rightsByUse[use]);
  return merge(config ? rights.filter((one) => isNeeded(one, config)) : rights);
}

/** What all commands need together. */
export function allRights(): readonly Right[] {
  return merge(Object.values(rightsByUse).flat());
}

/** Autoscaler and Ingress are nobody's concern where the config has none; the agent's Role gives a look at the first. */
function isNeeded({ resource, verbs }: Right, { autoscale, exposure }: ClusterConfig): boolean {
  const isLook = verbs.every((verb) => verb === 'get');
  if (resource === 'horizontalpodautoscalers') return autoscale !== undefined || isLook;
  return resource !== 'ingresses' || exposure.kind === 'ingress';
}

function right(group: string, resource: string, ...verbs: readonly Verb[]): Right {
  return { group, resource, verbs };
}

function merge(rights: readonly Right[]): readonly Right[] {
  const merged = new Map<string, Right>();
  for (const { group, resource, verbs } of rights) {
    const key = nameOf({ group, resource });
    const all = [...(merged.get(key)?.verbs ?? []), ...verbs];
    merged.set(key, { group, resource, verbs: verbOrder.filter((verb) => all.includes(verb)) });
  }
  return [...merged.values()];
}

/** As kubectl names it: `deployments.apps`, `pods/log`. */
export function nameOf({ group, resource }: Pick<Right, 'group' | 'resource'>): string {
  return group === '' ? resource : `${resource}.${group}`;
}
