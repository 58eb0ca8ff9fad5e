import { allRights, nameOf, type Right, rightsByUse, type Use, usesOf } from './rights.ts';
import { roleOf } from './role.ts';

const about: Readonly<Record<Use, string>> = {
  look: 'see what runs, what ran, and what differs from it',
  logs: 'read what replicas print',
  inside: 'join a terminal or an address of your machine to a pod',
  'one-off': 'start a pod of its own, and take it away',
  'roll out': 'publish a release, judge it, and keep what became of it',
  make: 'make what the service is reached by',
  'take down': 'find all of it, and delete it',
};

/** docs/kubernetes-rights.md: what each command needs, and the Role that gives it. */
export function makeRightsPage(): string {
  return `${[
    '# Rights in a cluster',
    'Every right that Causeway needs lies in the namespace of the environment. A user whose rights end there can do everything but what is named at the end of this page. What is missing is told before anything changes, one right after the other; `causeway doctor <environment>` lists them all.',

    '## What each command does',
    table([
      ['command', 'takes'],
      ...Object.entries(usesOf).map(([command, uses]) => [`\`${command}\``, uses.join(' · ')]),
    ]),
    'Rights to autoscalers are needed where the config has `autoscale`, and rights to Ingresses where the service is exposed by one.',

    '## What that takes',
    ...Object.entries(rightsByUse).flatMap(([use, rights]) => [
      `### ${use}`,
      `To ${about[use as Use]}.`,
      table([
        ['resource', 'verbs'],
        ...rights.map((right) => [`\`${nameOf(right)}\``, right.verbs.join(', ')]),
      ]),
    ]),

    '## A Role for a team',
    'All of it, for a platform team to apply in a namespace that it made. The name of the group or the ServiceAccount is yours.',
    `\`\`\`yaml\n${roleYaml(allRights())}\n\`\`\``,
    'The agent, which runs for the time of a rollout, is given a Role of its own by whoever rolls out. Kubernetes lets nobody give rights that he has not himself, so those of the agent are all among these.',

    '## What lies outside a namespace',
    table([
      ['resource', 'verbs', 'without it'],
      [
        '`namespaces`',
        'get, create, patch, delete',
        'the namespace must be there before, is used as it is, and left by `down`',
      ],
      [
        '`validatingadmissionpolicies` and `validatingadmissionpolicybindings` of `admissionregistration.k8s.io`',
        'get, create, patch, delete',
        'the cluster admits any image: `up` says so, and an administrator can make them of what `causeway render` prints',
      ],
      [
        '`nodes` and `pods` of all namespaces',
        'list',
        'room on the nodes is not looked for before a rollout',
      ],
      ['`ingressclasses.networking.k8s.io`', 'list', 'whether somebody serves the Ingress is not looked for'],
    ]),
  ].join('\n\n')}\n`;
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

function roleYaml(rights: readonly Right[]): string {
  const { rules = [] } = roleOf(rights, { name: 'causeway', namespace: 'shop-staging' });
  const list = (texts: readonly string[]) =>
    `[${texts.map((text) => (text === '' ? '""' : text)).join(', ')}]`;
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: Role',
    'metadata:',
    '  name: causeway',
    '  namespace: shop-staging',
    'rules:',
    ...rules.flatMap(({ apiGroups = [], resources = [], verbs }) => [
      `  - apiGroups: ${list(apiGroups)}`,
      `    resources: ${list(resources)}`,
      `    verbs: ${list(verbs)}`,
    ]),
    '---',
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: RoleBinding',
    'metadata:',
    '  name: causeway',
    '  namespace: shop-staging',
    'roleRef:',
    '  apiGroup: rbac.authorization.k8s.io',
    '  kind: Role',
    '  name: causeway',
    'subjects:',
    '  - apiGroup: rbac.authorization.k8s.io',
    '    kind: Group',
    '    name: team-shop',
  ].join('\n');
}
