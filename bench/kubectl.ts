import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Project } from '../e2e/kubernetes/project.ts';
import { type Sample, sample, timed } from './sample.ts';

interface Fields {
  readonly [field: string]: unknown;
}
export interface Deployment {
  readonly spec: Fields & {
    readonly template: Fields & {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: Fields & { readonly containers: readonly (Fields & { readonly image: string })[] };
    };
  };
}

/**
 * What Causeway rolled out last, as plain objects for another namespace and another tool; `deadlineSeconds` is after what
 * time without progress Kubernetes calls a rollout failed.
 */
export async function plainObjects(project: Project, namespace: string, deadlineSeconds = 60) {
  const { spec } = await project.read<Deployment>(
    `/apis/apps/v1/namespaces/${project.namespace}/deployments/shop`,
  );
  const name = settingsOf(spec.template);
  const { data } = await project.read<{ readonly data: unknown }>(`configmaps/${name}`);
  const metadata = { name: 'shop', namespace };
  const selector = { 'app.kubernetes.io/name': 'shop', 'app.kubernetes.io/component': 'service' };
  return {
    deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        ...spec,
        minReadySeconds: 0,
        progressDeadlineSeconds: deadlineSeconds,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '100%' } },
      } as Deployment['spec'],
    },
    others: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { selector, ports: [{ port: 80, targetPort: 8080 }] },
      },
    ],
  };
}

/** The immutable ConfigMap that holds the variables. */
function settingsOf(template: Deployment['spec']['template']): string {
  const [, name] = /"configMapRef":\{"name":"([^"]+)"/.exec(JSON.stringify(template)) ?? [];
  if (name === undefined) throw new Error('the template names no settings');
  return name;
}

/** Rolls the objects of a good release out by kubectl, so many times with another variable. */
export async function applyWithKubectl(project: Project, rounds: number): Promise<Sample> {
  const { cluster } = project;
  await using namespace = await cluster.makeNamespace();
  const { deployment, others } = await plainObjects(project, namespace.name);
  const file = join(project.base, 'by-kubectl.json');
  await cluster.apply(...others);
  const roll = async (round: number) => {
    writeFileSync(file, JSON.stringify(withVariable(deployment, 'ROUND_BY_HAND', String(round))));
    await cluster.kubectl('apply', `--filename=${file}`);
    await cluster.kubectl('--namespace', namespace.name, 'rollout', 'status', 'deployment/shop');
  };
  await roll(0);
  return await sample(rounds, async (round) => {
    await cluster
      .kubectl(
        '--namespace',
        namespace.name,
        'wait',
        '--for=jsonpath={.status.terminatingReplicas}=0',
        'deployment/shop',
        '--timeout=20s',
      )
      .catch(() => undefined);
    return timed(() => roll(round + 1));
  });
}

export function withVariable<T extends Deployment>(deployment: T, name: string, value: string): T {
  const { template } = deployment.spec;
  const containers = template.spec.containers.map((container) => ({
    ...container,
    env: [...((container.env as readonly object[] | undefined) ?? []), { name, value }],
  }));
  return {
    ...deployment,
    spec: { ...deployment.spec, template: { ...template, spec: { ...template.spec, containers } } },
  };
}
