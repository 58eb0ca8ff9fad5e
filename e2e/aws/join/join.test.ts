import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Cluster, findCluster } from '../../cluster/cluster.ts';
import { pod, podSpec } from '../../cluster/web.ts';
import { have } from '../../images/have.ts';
import { until } from '../../local/project.ts';
import { type Emulator, startEmulator } from '../emulator.ts';
import type { Keys } from '../signed.ts';
import { deleteStack, deployStack } from '../stack.ts';
import { makeTemplates } from '../templates.ts';
import { users } from '../users.ts';
import { copyImage } from './copy-image.ts';
import { joinCluster } from './join-cluster.ts';
import { type TokenOptions, tokenOf } from './token.ts';

const minuteMs = 60_000;
setDefaultTimeout(2 * minuteMs);

const kind = await have('a cluster', findCluster);
const emulator = await have('the AWS emulator', () => startEmulator());

if (kind === 'context') console.log('skipped: a cluster behind EKS: a context was given');
if (kind === 'node' && emulator) describe('a real cluster behind EKS', () => testJoin(emulator));

function testJoin(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  const name = 'shop-production';
  let cluster: Cluster;
  let repositoryUri = '';

  beforeAll(async () => {
    cluster = await joinCluster(emulator);
    const { environment } = await makeTemplates();
    const { status, outputs } = await deployStack(developer, name, environment);
    expect(status).toBe('CREATE_COMPLETE');
    repositoryUri = outputs.RepositoryUri ?? '';
  }, 20 * minuteMs);

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await emulator[Symbol.asyncDispose]();
  });

  test('is found by its name, and takes the token of one who has an access entry', async () => {
    const { endpoint, ask } = await reach();

    expect(endpoint).toBe(cluster.api);
    const { status, body } = await ask(users.developer, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      status: {
        userInfo: {
          username: users.developer.arn,
          groups: expect.arrayContaining(['eks-access-policy:AmazonEKSClusterAdminPolicy']),
        },
      },
    });
    expect((await ask(users.developer, '/api/v1/nodes')).status).toBe(200);
  });

  test('refuses who has none, a wrong secret, a token for another cluster, and one that is too old', async () => {
    const { ask } = await reach();
    const anHourAgo = new Date(Date.now() - 60 * minuteMs);
    const refused: readonly (readonly [Keys, Partial<TokenOptions>])[] = [
      [users.stranger, {}],
      [users.elsewhere, {}],
      [{ ...users.developer, secretAccessKey: 'wrong' }, {}],
      [users.developer, { cluster: 'another' }],
      [users.developer, { at: anHourAgo }],
    ];

    for (const [who, options] of refused) {
      expect((await ask(who, '/api/v1/nodes', undefined, options)).status).toBe(401);
    }
  });

  test('lets one who may only view view, until the entry is taken away', async () => {
    const { ask } = await reach();
    const entries = `/clusters/${name}/access-entries`;
    await developer.rest('eks', 'POST', entries, { principalArn: users.readOnly.arn });
    await developer.rest(
      'eks',
      'POST',
      `${entries}/${encodeURIComponent(users.readOnly.arn)}/access-policies`,
      {
        policyArn: 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy',
        accessScope: { type: 'cluster' },
      },
    );
    const pods = '/api/v1/namespaces/default/pods';

    expect((await ask(users.readOnly, pods)).status).toBe(200);
    expect((await ask(users.readOnly, pods, {})).status).toBe(403);

    await developer.rest('eks', 'DELETE', `${entries}/${encodeURIComponent(users.readOnly.arn)}`);
    await until('it is refused', async () => (await ask(users.readOnly, pods)).status === 401);
  });

  test('runs an image that lies in ECR', async () => {
    await using here = await cluster.makeNamespace();
    const image = await copyImage(await cluster.image('web'), developer, repositoryUri);

    await cluster.apply(pod(here, podSpec(image)));

    expect(image).toStartWith(`${emulator.host}/${name}@sha256:`);
    const ready = ['--for=condition=Ready', 'pod/pod', '--timeout=60s'];
    await cluster.kubectl('--namespace', here.name, 'wait', ...ready);
    const listed = await developer.json<{
      readonly imageDetails: readonly { readonly imageDigest: string }[];
    }>('AmazonEC2ContainerRegistry_V20150921.DescribeImages', { repositoryName: name });
    expect(listed.imageDetails.map(({ imageDigest }) => imageDigest)).toEqual([image.split('@')[1] ?? '']);
  });

  test('is no one’s any more when its stack is deleted', async () => {
    const { ask } = await reach();

    await deleteStack(developer, name);

    await until('it is refused', async () => (await ask(users.developer, '/api/v1/nodes')).status === 401);
    expect(await emulator.census()).toEqual({});
  });

  /** As a command does it: EKS says where the cluster is and whose certificate it has. */
  async function reach() {
    const { cluster } = await developer.rest<{
      readonly cluster: {
        readonly endpoint: string;
        readonly certificateAuthority: { readonly data: string };
      };
    }>('eks', 'GET', `/clusters/${name}`);
    const ca = Buffer.from(cluster.certificateAuthority.data, 'base64').toString();
    return {
      endpoint: cluster.endpoint,
      async ask(who: Keys, path: string, body?: object, options: Partial<TokenOptions> = {}) {
        const token = tokenOf(who, { cluster: name, ...options });
        const answer = await fetch(`${cluster.endpoint}${path}`, {
          method: body ? 'POST' : 'GET',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          ...(body ? { body: JSON.stringify(body) } : {}),
          tls: { ca },
        });
        return { status: answer.status, body: await answer.json() };
      },
    };
  }
}
