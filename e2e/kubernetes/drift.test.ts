import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster, openCluster } from '../cluster/cluster.ts';
import { have } from '../images/have.ts';
import { mustEnd, until } from '../local/project.ts';
import type { Project, Replica } from './project.ts';
import { serving, settled } from './serving-project.ts';

setDefaultTimeout(120_000);

const kind = await have('a cluster', findCluster);
if (kind) describe('drift', testDrift);

function testDrift(): void {
  let cluster: Cluster;
  let project: Project;

  beforeAll(async () => {
    cluster = await openCluster();
    project = await serving(cluster, {
      service: { secrets: { TOKEN: { file: 'token' } } },
      files: { token: 'birch' },
    });
  }, 20 * 60_000);

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test('finds nothing after up', async () => {
    expect(await found(project)).toEqual([]);
  });

  const changes = [
    {
      what: 'kubectl scale',
      args: ['scale', 'deployment/shop', '--replicas=3'],
      finds: { object: 'Deployment/shop', field: 'spec.replicas', wanted: 2, found: 3 },
    },
    {
      what: 'kubectl set env',
      args: ['set', 'env', 'deployment/shop', 'FORGOTTEN=yes'],
      finds: { object: 'Deployment/shop', field: expect.stringContaining('spec.template.spec.containers') },
    },
    {
      what: 'a deleted NetworkPolicy',
      args: ['delete', 'networkpolicy/shop'],
      finds: { object: 'NetworkPolicy/shop' },
    },
    {
      what: 'the deleted ConfigMap of its variables',
      args: ['delete', 'configmap', '--selector=causeway.dev/keeps=settings'],
      finds: { object: expect.stringMatching(/^ConfigMap\/shop-/) },
    },
    {
      what: 'deleted secrets',
      args: ['delete', 'secret', '--selector=causeway.dev/secret-set'],
      finds: { object: expect.stringMatching(/^Secret\/shop-secrets-/) },
      // Under another name: the same release with a new secret set.
      isRolledOut: true,
    },
  ];
  for (const { what, args, finds, isRolledOut = false } of changes) {
    test(`finds ${what}, and the next up puts it right and says so`, async () => {
      await project.kubectl(...args);

      const drift = await found(project);
      const up = await mustEnd(project.causeway('up', '--json'));

      expect(drift).toContainEqual(expect.objectContaining(finds));
      expect(up.json().outcome).toBe(isRolledOut ? 'good' : 'unchanged');
      if (!isRolledOut) {
        expect(up.json().mended).toEqual(drift);
        expect(up.stderr).toContain('serves already, nothing else to change');
      }
      expect(await found(project)).toEqual([]);
      await settled(project);
    });
  }

  test('finds nothing in the midst of a rollout to other secrets, with one candidate replica or all', async () => {
    const { release } = await project.ask();
    const before = (await project.replicas()).map(({ name }) => name);
    const isNew = ({ name, isReady }: Replica) => isReady && !before.includes(name);
    project.write('token', 'oak');
    project.configure({ environment: { bake: '3s' } });
    const deploy = project.start('deploy');

    for (const count of [1, 2]) {
      await until(`${count} of the candidate are ready`, async () => {
        return (await project.replicas()).filter(isNew).length === count;
      });
      expect(await found(project)).toEqual([]);
    }

    await mustEnd(deploy.ended);
    expect(await found(project)).toEqual([]);
    expect((await project.ask()).release).toBe(release);
    await settled(project);
  });

  test('finds kubectl set image to an image that is admitted, and the next up puts it right', async () => {
    const image = await project.kubectl('get', 'deployment/shop', '--output=jsonpath={..image}');
    const agent = await agentImage(project);
    await project.kubectl('set', 'image', 'deployment/shop', `service=${agent}`);

    const drift = await found(project);
    await mustEnd(project.causeway('up'));

    expect(drift).toContainEqual(
      expect.objectContaining({
        field: expect.stringMatching(/^spec\.template\.spec\.containers.*image$/),
        found: agent,
      }),
    );
    expect(await project.kubectl('get', 'deployment/shop', '--output=jsonpath={..image}')).toBe(image);
    await settled(project);
  });
}

async function found(project: Project) {
  const { json } = await project.causeway('drift', '--json');
  return json().differences ?? [];
}

async function agentImage(project: Project): Promise<string> {
  return project.kubectl('get', 'configmap/shop-state', '--output=jsonpath={.data.agentImage}');
}
