import { expect, test } from 'bun:test';
import type { IRole } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import { Role } from 'kubernetes-models/rbac.authorization.k8s.io/v1/Role';
import type { KubernetesConfig } from '../../core/config.ts';
import { agentObjects } from '../agent/agent-objects.ts';
import type { AgentSetup } from '../agent/setup.ts';
import { missingRightFinding } from './find-missing-rights.ts';
import { allRights, nameOf, rightsFor, usesOf } from './rights.ts';
import { roleOf } from './role.ts';

const config = { exposure: { kind: 'clusterip' } } as KubernetesConfig;

test('each resource is asked for once, with all verbs that the command needs', () => {
  const names = rightsFor('up').map(nameOf);

  expect(new Set(names).size).toBe(names.length);
  const deployments = rightsFor('deploy').find(({ resource }) => resource === 'deployments');
  expect(deployments?.verbs).toEqual(['get', 'list', 'watch', 'create', 'patch', 'update', 'delete']);
});

test('who only looks needs to change nothing', () => {
  const verbs = new Set(
    (['status', 'releases', 'drift', 'logs'] as const).flatMap((command) =>
      rightsFor(command).flatMap((right) => right.verbs),
    ),
  );

  expect([...verbs].sort()).toEqual(['get', 'list', 'watch']);
});

test('autoscaler and Ingress are needed where the config has them', () => {
  const rights = rightsFor('up', config);
  const names = rights.map(nameOf);

  expect(names).not.toContain('ingresses.networking.k8s.io');
  const autoscalers = rights.find(({ resource }) => resource === 'horizontalpodautoscalers');
  expect(autoscalers?.verbs).toEqual(['get']);
  const exposed = {
    ...config,
    exposure: { kind: 'ingress', host: 'a.b', annotations: {} },
  } as KubernetesConfig;
  expect(rightsFor('up', exposed).map(nameOf)).toContain('ingresses.networking.k8s.io');
});

test('the Role is valid, and holds what every command needs', () => {
  const role = roleOf(allRights(), { name: 'causeway', namespace: 'shop' });

  new Role(role).validate();
  const holds = (group: string, resource: string, verb: string) =>
    role.rules?.some(
      ({ apiGroups = [], resources = [], verbs }) =>
        apiGroups.includes(group) && resources.includes(resource) && verbs.includes(verb),
    );
  for (const command of Object.keys(usesOf) as (keyof typeof usesOf)[]) {
    for (const { group, resource, verbs } of rightsFor(command)) {
      for (const verb of verbs)
        expect([resource, verb, holds(group, resource, verb)]).toEqual([resource, verb, true]);
    }
  }
});

test('a missing right is told with the line of a Role that gives it', () => {
  expect(
    missingRightFinding({ group: 'apps', resource: 'deployments', verbs: ['create', 'patch'] }, 'shop'),
  ).toEqual({
    isProblem: true,
    message: 'you may not create or patch deployments.apps in namespace shop',
    hint: 'an administrator adds { apiGroups: ["apps"], resources: ["deployments"], verbs: ["create", "patch"] } to your Role in shop; docs/kubernetes-rights.md has it whole',
  });
});

test('whoever rolls out holds every right that the agent is given: nobody can give what he has not', () => {
  const place = { project: 'shop', environment: 'staging', namespace: 'shop' };
  const held = rightsFor('deploy', config);

  const setup = { place, rollout: 'r' } as AgentSetup;
  const { access } = agentObjects({ setup, image: 'shop@sha256:a', releases: ['a'], history: 1 });
  const role = access.find(({ kind }) => kind === 'Role') as IRole | undefined;

  const given = (role?.rules ?? []).flatMap(({ apiGroups = [], resources = [], verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ group: apiGroups[0], resource, verb }))),
  );

  const lacking = given.filter(
    ({ group, resource, verb }) =>
      !held.some(
        (one) => one.group === group && one.resource === resource && one.verbs.some((own) => own === verb),
      ),
  );
  expect(given.length).toBeGreaterThan(10);
  expect(lacking).toEqual([]);
});
