import type { IRole } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import type { Right } from './rights.ts';

/** A Role that gives these rights; resources with the same verbs share a rule. */
export function roleOf(rights: readonly Right[], { name, namespace }: RoleNames): IRole {
  const rules = Map.groupBy(rights, ({ group, verbs }) => `${group} ${verbs.join(',')}`);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name, namespace },
    rules: [...rules.values()].flatMap((alike) => {
      const [first] = alike;
      if (!first) return [];
      const resources = alike.map(({ resource }) => resource);
      return [{ apiGroups: [first.group], resources, verbs: [...first.verbs] }];
    }),
  };
}

export interface RoleNames {
  readonly name: string;
  readonly namespace: string;
}
