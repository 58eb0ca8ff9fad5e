import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { pod, podSpec } from '../cluster/web.ts';
import { have } from '../images/have.ts';
import { run } from '../images/run-program.ts';
import { mustEnd } from '../local/project.ts';
import { findKubeconform } from './programs.ts';
import type { Project } from './project.ts';
import { writeSchemas } from './schemas.ts';
import { serving } from './serving-project.ts';

setDefaultTimeout(120_000);

const kind = await have('a cluster', findCluster);
const kubeconform = await have('kubeconform', findKubeconform);
if (kind && kubeconform) describe('render', () => testRender(kubeconform));

function testRender(validator: string): void {
  let cluster: Cluster;
  let project: Project;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster);
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('prints what kubectl accepts whole', async () => {
    const { stdout } = await mustEnd(project.causeway('render'));

    const file = join(project.base, 'rendered.yaml');
    writeFileSync(file, stdout);
    const applied = await cluster.tryKubectl('apply', '--dry-run=server', `--filename=${file}`);

    expect(applied.exitCode, applied.stderr).toBe(0);
    expect(applied.stdout).toContain('deployment.apps/shop');
    expect(applied.stdout).toContain('networkpolicy.networking.k8s.io/shop');
  });

  const exposures = [
    { kind: 'clusterip' },
    { kind: 'loadbalancer', annotations: { 'example.com/internal': 'true' } },
    { kind: 'ingress', host: 'shop.example.com', className: 'nginx', tlsSecret: 'shop-tls' },
  ] as const;
  for (const exposure of exposures) {
    test(`prints what the API server’s own schemas allow, exposed as ${exposure.kind}`, async () => {
      project.configure({ environment: { exposure } });
      const { stdout } = await mustEnd(project.causeway('render'));
      const schemas = await writeSchemas(cluster);

      const { exitCode, stdout: said } = await run(
        [validator, '-strict', '-summary', '-schema-location', schemas, '-'],
        { stdin: stdout },
      );

      expect(said).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
      expect(exitCode).toBe(0);
      project.configure({ environment: { exposure: { kind: 'clusterip' } } });
    });
  }

  test('finds no schema too weak: a field that does not exist breaks it', async () => {
    const { stdout } = await mustEnd(project.causeway('render'));
    const schemas = await writeSchemas(cluster);

    const { exitCode, stdout: said } = await run([validator, '-strict', '-schema-location', schemas, '-'], {
      stdin: stdout.replace('minReadySeconds', 'minReadySecond'),
    });

    expect(exitCode).toBe(1);
    expect(said).toContain('minReadySecond');
  });
}

describe('a namespace that Causeway manages', () => {
  let cluster: Cluster;
  let project: Project;
  let agent: string;

  beforeAll(async () => {
    if (!kind) return;
    cluster = await openCluster();
    project = await serving(cluster, { environment: { allowFrom: undefined } });
    agent = await project.kubectl('get', 'configmap/shop-state', '--output=jsonpath={.data.agentImage}');
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const refused = [
    { what: 'a tag', spec: () => podSpec(agent.replace(/@.*/, ':latest')) },
    {
      what: 'a digest that is not listed',
      spec: () => podSpec(agent.replace(/[0-9a-f]{64}$/, '0'.repeat(64))),
    },
    {
      what: 'a root user',
      spec: () => ({
        ...podSpec(agent),
        securityContext: { runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } },
      }),
    },
  ];
  for (const { what, spec } of refused) {
    test.if(kind !== undefined)(`refuses ${what}`, async () => {
      const { exitCode, stderr } = await cluster.tryApply(pod({ name: project.namespace }, spec()));

      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(/forbidden|denied/);
    });
  }

  test.if(kind !== undefined)('refuses an ephemeral container with another image', async () => {
    const [replica] = await project.replicas();

    const { exitCode, stderr } = await cluster.tryKubectl(
      '--namespace',
      project.namespace,
      'debug',
      replica?.name ?? '',
      `--image=${cluster.registry}/web:1`,
      '--target=service',
      '--profile=restricted',
    );

    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/denied|forbidden/);
  });

  test.if(kind !== undefined)('is restricted, and lets no pod of another namespace in', async () => {
    await using other = await cluster.makeNamespace();
    await cluster.apply(pod(other, podSpec(await cluster.image('web'))));
    await cluster.kubectl(
      '--namespace',
      other.name,
      'wait',
      '--for=condition=Ready',
      'pod/pod',
      '--timeout=60s',
    );
    const { host, port } = await project.address();
    const { status } = JSON.parse(
      await cluster.kubectl('--namespace', other.name, 'get', 'pod/pod', '--output=json'),
    ) as { status: { podIP: string } };

    const asked = await fetch(`http://${status.podIP}:8080/fetch?url=http://${host}:${port}/`);

    expect(await asked.json()).toHaveProperty('error');
    const policy = await project.kubectl('get', 'networkpolicy/shop', '--output=json');
    expect(
      (JSON.parse(policy) as { spec: { ingress: { from?: unknown[] }[] } }).spec.ingress[0]?.from,
    ).toBeArray();
    const labels = await cluster.kubectl('get', 'namespace', project.namespace, '--output=json');
    expect(labels).toContain('"pod-security.kubernetes.io/enforce": "restricted"');
  });
});
