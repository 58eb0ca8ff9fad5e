import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { have } from '../images/have.ts';
import { until } from '../local/project.ts';
import { type Account, AwsError } from './account.ts';
import { type Emulator, startEmulator } from './emulator.ts';
import {
  beginStack,
  deleteStack,
  deployStack,
  describeStack,
  driftOf,
  eventsOf,
  field,
  settle,
} from './stack.ts';
import { makeTemplates, type Templates } from './templates.ts';
import { account, otherAccount, region, users } from './users.ts';

const minuteMs = 60_000;
setDefaultTimeout(minuteMs);

const emulator = await have('the AWS emulator', () => startEmulator());
const environment = 'shop-production';
const guard = 'shop-production-guard';

if (emulator) describe('the emulator', () => testEmulator(emulator));

function testEmulator(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  let templates: Templates;

  beforeAll(async () => {
    templates = await makeTemplates();
  }, 10 * minuteMs);
  beforeEach(() => emulator.reset());
  afterAll(() => emulator[Symbol.asyncDispose]());

  describe('the stacks', () => {
    test('are made whole, differ in nothing from their templates, and leave nothing', async () => {
      const made = [
        await deployStack(developer, guard, templates.guard),
        await deployStack(developer, environment, templates.environment),
      ];

      expect(made.map(({ status }) => status)).toEqual(['CREATE_COMPLETE', 'CREATE_COMPLETE']);
      expect(made[1]?.outputs).toMatchObject({
        ClusterName: environment,
        RepositoryUri: `${emulator.host}/${environment}`,
        TargetGroupArn: expect.stringContaining(':targetgroup/'),
      });
      for (const name of [guard, environment]) {
        const drift = await driftOf(developer, name);
        expect(drift.length).toBeGreaterThan(4);
        expect(drift.filter(({ status }) => status !== 'IN_SYNC')).toEqual([]);
      }
      for (const name of [environment, guard]) await deleteStack(developer, name);
      expect(await emulator.census()).toEqual({});
    });

    test('are made whole in a private network with a domain, and leave the zone as it was', async () => {
      const domain = { name: 'shop.example.com', hostedZoneId: await developer.makeZone('example.com') };
      const before = await emulator.census();
      const templates = await makeTemplates({
        environment: { network: 'private', domain },
        guard: { domain, budgetEmail: 'ann@example.com' },
      });

      const made = [
        await deployStack(developer, guard, templates.guard),
        await deployStack(developer, environment, templates.environment),
      ];

      expect(made.map(({ status }) => status)).toEqual(['CREATE_COMPLETE', 'CREATE_COMPLETE']);
      expect(await emulator.census()).toMatchObject({
        'ec2.addresses': [expect.any(String)],
        'ec2.nat_gateways': [expect.any(String)],
        'acm.certificates': [expect.any(String)],
      });
      for (const name of [guard, environment]) {
        const drift = await driftOf(developer, name);
        expect(drift.filter(({ status }) => status !== 'IN_SYNC')).toEqual([]);
      }
      for (const name of [environment, guard]) await deleteStack(developer, name);
      expect(await emulator.census()).toEqual(before);
    });

    test('have a cluster of Auto Mode in their network, and let its load balancer in', async () => {
      const { outputs } = await deployStack(developer, environment, templates.environment);

      const { cluster } = await describeCluster(developer);

      expect(cluster).toMatchObject({
        status: 'ACTIVE',
        computeConfig: { enabled: true, nodePools: ['general-purpose'] },
        storageConfig: { blockStorage: { enabled: true } },
        kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true } },
        upgradePolicy: { supportType: 'STANDARD' },
        resourcesVpcConfig: { vpcId: outputs.VpcId, publicAccessCidrs: ['203.0.113.7/32'] },
      });
      const group = cluster.resourcesVpcConfig.clusterSecurityGroupId;
      const rules = await developer.query('ec2', 'DescribeSecurityGroups', { 'GroupId.1': group });
      expect(field(rules, 'fromPort')).toBe('8080');
      expect(rules).toContain(`<key>aws:eks:cluster-name</key><value>${environment}</value>`);
    });

    test('are updated in place, and tell of what changed alone', async () => {
      await deployStack(developer, environment, templates.environment);
      const before = (await eventsOf(developer, environment)).length;

      const updated = await deployStack(developer, environment, retaining(templates, 7));

      expect(updated.status).toBe('UPDATE_COMPLETE');
      const told = (await eventsOf(developer, environment)).slice(before);
      expect(told.map(({ resource, status }) => `${resource} ${status}`)).toEqual([
        `${environment} UPDATE_IN_PROGRESS`,
        'ControlPlaneLogs UPDATE_IN_PROGRESS',
        'ControlPlaneLogs UPDATE_COMPLETE',
        `${environment} UPDATE_COMPLETE`,
      ]);
      await expect(deployStack(developer, environment, retaining(templates, 7))).rejects.toThrow(
        "didn't contain changes",
      );
    });

    test('are rolled back when an update fails, say why, and can be updated then', async () => {
      await deployStack(developer, environment, templates.environment);
      await emulator.faults({
        resources: [{ type: 'AWS::EKS::Cluster', on: 'update', message: 'no capacity' }],
      });

      const failed = await deployStack(developer, environment, allowing(templates, '198.51.100.0/24'));

      expect(failed.status).toBe('UPDATE_ROLLBACK_COMPLETE');
      expect(await reasonsOf(developer)).toContain('Cluster UPDATE_FAILED: no capacity');
      const { cluster } = await describeCluster(developer);
      expect(cluster.resourcesVpcConfig.publicAccessCidrs).toEqual(['203.0.113.7/32']);
      const again = await deployStack(developer, environment, allowing(templates, '198.51.100.0/24'));
      expect(again.status).toBe('UPDATE_COMPLETE');
    });

    test('leave nothing when their creation fails, and have to be deleted before they are made again', async () => {
      await emulator.faults({
        resources: [{ type: 'AWS::EKS::Cluster', on: 'create', message: 'no capacity' }],
      });

      const failed = await deployStack(developer, environment, templates.environment);

      expect(failed.status).toBe('ROLLBACK_COMPLETE');
      expect(await reasonsOf(developer)).toContain('Cluster CREATE_FAILED: no capacity');
      expect(await emulator.census()).toEqual({ 'cloudformation.stacks': [environment] });
      await expect(deployStack(developer, environment, templates.environment)).rejects.toThrow(
        'ROLLBACK_COMPLETE',
      );
      await deleteStack(developer, environment);
      expect((await deployStack(developer, environment, templates.environment)).status).toBe(
        'CREATE_COMPLETE',
      );
    });

    test('keep what cannot be deleted, with what uses it, and go once that is gone', async () => {
      const { outputs } = await deployStack(developer, environment, templates.environment);
      const planted = { GroupName: 'planted', GroupDescription: 'planted', VpcId: outputs.VpcId ?? '' };
      const group = field(await developer.query('ec2', 'CreateSecurityGroup', planted), 'groupId');

      const failed = await deleteStack(developer, environment);

      expect(failed.status).toBe('DELETE_FAILED');
      expect((await reasonsOf(developer)).join()).toContain('Vpc DELETE_FAILED');
      await developer.query('ec2', 'DeleteSecurityGroup', { GroupId: group });
      expect((await deleteStack(developer, environment)).status).toBe('GONE');
      expect(await emulator.census()).toEqual({});
    });

    test('keep the role that an instance profile holds, and the subnet that an interface lies in', async () => {
      const { outputs } = await deployStack(developer, environment, templates.environment);
      const roles = await developer.query('iam', 'ListRoles', { PathPrefix: `/causeway/${environment}/` });
      const role = /<RoleName>([^<]*NodeRole[^<]*)</.exec(roles)?.[1] ?? '';
      const profile = { InstanceProfileName: 'nodes' };
      await developer.query('iam', 'CreateInstanceProfile', profile);
      await developer.query('iam', 'AddRoleToInstanceProfile', { ...profile, RoleName: role });
      const subnets = { 'Filter.1.Name': 'vpc-id', 'Filter.1.Value.1': outputs.VpcId ?? '' };
      const subnet = field(await developer.query('ec2', 'DescribeSubnets', subnets), 'subnetId');
      await developer.query('ec2', 'CreateNetworkInterface', { SubnetId: subnet });

      await deleteStack(developer, environment);

      const reasons = (await reasonsOf(developer)).join('\n');
      expect(reasons).toMatch(/NodeRole DELETE_FAILED: .*must remove roles from instance profile first/);
      expect(reasons).toMatch(/Subnet0 DELETE_FAILED: .*has a dependent object/);
    });

    test('that are deleted while they are made leave nothing, and are not made further', async () => {
      await emulator.faults({ resources: [{ type: '*', on: 'create', seconds: 0.02, times: null }] });
      await beginStack(developer, environment, templates.environment);
      await until('the network is there', async () => 'ec2.subnets' in (await emulator.census()));

      await developer.query('cloudformation', 'DeleteStack', { StackName: environment });

      expect((await describeStack(developer, environment)).status).toBe('DELETE_IN_PROGRESS');
      await settle(developer, environment);
      expect(await emulator.census()).toEqual({});
    });

    test('refuse a second operation while one runs', async () => {
      await deployStack(developer, environment, templates.environment);
      await emulator.faults({ resources: [{ type: 'AWS::Logs::LogGroup', on: 'update', seconds: 1.5 }] });
      await beginStack(developer, environment, retaining(templates, 7));

      await expect(beginStack(developer, environment, retaining(templates, 14))).rejects.toThrow(
        'is in UPDATE_IN_PROGRESS state and can not be updated',
      );
      await expect(deleteStack(developer, environment)).rejects.toThrow(
        'cannot be deleted while in status UPDATE_IN_PROGRESS',
      );
      expect((await settle(developer, environment)).status).toBe('UPDATE_COMPLETE');
    });

    test('refuse a name that is taken', async () => {
      await developer.json('AmazonEC2ContainerRegistry_V20150921.CreateRepository', {
        repositoryName: environment,
      });

      expect((await deployStack(developer, environment, templates.environment)).status).toBe(
        'ROLLBACK_COMPLETE',
      );

      expect((await reasonsOf(developer)).join()).toContain('already exists');
      expect(await emulator.census()).toMatchObject({ 'ecr.repositories': [environment] });
    });

    test('make a budget anew, under another name, when another mail address is to be told', async () => {
      await deployStack(developer, guard, templates.guard);
      const told = await makeTemplates({ guard: { budgetEmail: 'ann@example.com' } });

      const updated = await deployStack(developer, guard, told.guard);

      expect(updated.status).toBe('UPDATE_COMPLETE');
    });

    test('differ from their templates once somebody changed something by hand', async () => {
      const { outputs } = await deployStack(developer, environment, templates.environment);
      const logGroup = `/aws/eks/${environment}/cluster`;

      await developer.json('Logs_20140328.PutRetentionPolicy', {
        logGroupName: logGroup,
        retentionInDays: 90,
      });
      await developer.query('elasticloadbalancing', 'ModifyTargetGroup', {
        TargetGroupArn: outputs.TargetGroupArn ?? '',
        HealthCheckPath: '/',
      });
      await developer.rest('eks', 'DELETE', entryPath(users.developer.arn));

      const drift = (await driftOf(developer, environment)).filter(({ status }) => status !== 'IN_SYNC');
      expect(
        drift.map(({ resource, status, paths }) => [resource.replace(/[0-9a-f]{8}$/, ''), status, paths]),
      ).toEqual([
        ['ControlPlaneLogs', 'MODIFIED', ['/RetentionInDays']],
        ['Access', 'DELETED', []],
        ['TargetGroup', 'MODIFIED', ['/HealthCheckPath']],
      ]);
    });

    test('delete themselves at their time, and not with a role that may not', async () => {
      const soon = () => new Date(Date.now() + 1_500);
      await deployStack(developer, environment, templates.environment);
      const without = changed((await makeTemplates({ guard: { expiresAt: soon() } })).guard, (resources) => {
        const [policy] = resources.ScheduleRole?.Properties.Policies ?? [];
        policy.PolicyDocument.Statement = [
          { Effect: 'Allow', Action: 'cloudformation:DescribeStacks', Resource: '*' },
        ];
      });
      await deployStack(developer, guard, without);
      await until('the schedule was refused', async () =>
        (await emulator.log()).includes('may not cloudformation:DeleteStack'),
      );
      expect((await describeStack(developer, environment)).status).toBe('CREATE_COMPLETE');

      await deployStack(developer, guard, (await makeTemplates({ guard: { expiresAt: soon() } })).guard);

      await until('it is gone', async () => (await describeStack(developer, environment)).status === 'GONE');
      await deleteStack(developer, guard);
      expect(await emulator.census()).toEqual({});
    });

    test('that are updated when their time comes delete themselves after it', async () => {
      await deployStack(developer, environment, templates.environment);
      const now = await makeTemplates({ guard: { expiresAt: new Date() } });
      await emulator.faults({ resources: [{ type: 'AWS::Logs::LogGroup', on: 'update', seconds: 4 }] });
      await beginStack(developer, environment, retaining(templates, 7));
      await deployStack(developer, guard, now.guard);

      await until('it was refused', async () => (await emulator.log()).includes('could not delete'));
      await until('it is gone', async () => (await describeStack(developer, environment)).status === 'GONE');

      await deleteStack(developer, guard);
      expect(await emulator.census()).toEqual({});
    });

    test.each(['public', 'private'])(
      'go by a role that may delete them and no more: %s network',
      async (network) => {
        const domain = { name: 'shop.example.com', hostedZoneId: await developer.makeZone('example.com') };
        const made = await makeTemplates({ environment: { network, domain }, guard: { domain } });
        const before = await emulator.census();
        await deployStack(developer, guard, made.guard);
        await deployStack(developer, environment, made.environment);
        const RoleARN = await deleteRole(developer);
        const policy = { RoleName: RoleARN.split('/').at(-1) ?? '', PolicyName: 'delete' };
        const answer = await developer.query('iam', 'GetRolePolicy', policy);
        const PolicyDocument = decodeURIComponent(field(answer, 'PolicyDocument'));
        const withoutCluster = PolicyDocument.replaceAll('eks:DeleteCluster', 'eks:ListClusters');
        await developer.query('iam', 'PutRolePolicy', { ...policy, PolicyDocument: withoutCluster });

        await developer.query('cloudformation', 'DeleteStack', { StackName: environment, RoleARN });

        expect((await settle(developer, environment)).status).toBe('DELETE_FAILED');
        expect((await reasonsOf(developer)).join('\n')).toMatch(
          /Cluster DELETE_FAILED: .*DeleteRole.* is not authorized to perform: eks:DeleteCluster on resource/,
        );
        await developer.query('iam', 'PutRolePolicy', { ...policy, PolicyDocument });
        expect((await deleteStack(developer, environment)).status).toBe('GONE');
        await deleteStack(developer, guard);
        expect(await emulator.census()).toEqual(before);
      },
    );

    test('are listed by their tag with all that they hold, and those of another account are not', async () => {
      const elsewhere = emulator.as(users.elsewhere);
      await deployStack(elsewhere, environment, templates.environment);
      const decoys = await emulator.census({ account: otherAccount });

      await deployStack(developer, guard, templates.guard);
      await deployStack(developer, environment, templates.environment);

      const arns = await tagged(developer);
      expect(arns.filter((arn) => arn.split(':')[4] !== account)).toEqual([]);
      expect(new Set(arns.map((arn) => arn.split(':')[2]))).toEqual(
        new Set(['budgets', 'ec2', 'ecr', 'eks', 'elasticloadbalancing', 'logs', 'scheduler']),
      );
      for (const name of [environment, guard]) await deleteStack(developer, name);
      expect(await tagged(developer)).toEqual([]);
      expect(await emulator.census({ account: otherAccount })).toEqual(decoys);
    });
  });

  describe('a request', () => {
    test('with a wrong secret, an unknown key or no signature is refused', async () => {
      const wrong = emulator.as({ ...users.developer, secretAccessKey: 'wrong' });
      const unknown = emulator.as({ ...users.developer, accessKeyId: 'AKIANOBODY' });

      expect(await refusal(identity(wrong))).toBe('SignatureDoesNotMatch');
      expect(await refusal(identity(unknown))).toBe('InvalidClientTokenId');
      const unsigned = await fetch(`${emulator.url}/?Action=ListRoles&Version=2010-05-08`);
      expect(unsigned.status).toBe(403);
      expect(field(await identity(developer), 'Arn')).toBe(users.developer.arn);
    });

    test('of one who may only read reads, and changes nothing', async () => {
      const reader = emulator.as(users.readOnly);
      await deployStack(developer, environment, templates.environment);

      expect((await describeStack(reader, environment)).status).toBe('CREATE_COMPLETE');
      expect(await refusal(deployStack(reader, environment, retaining(templates, 7)))).toBe('AccessDenied');

      expect((await emulator.calls()).filter(({ allowed }) => !allowed)).toEqual([
        {
          action: 'cloudformation:CreateChangeSet',
          resource: expect.any(String),
          key: users.readOnly.accessKeyId,
          allowed: false,
        },
      ]);
    });

    test('is refused, answered, delayed or lost as the test says, as often as it says', async () => {
      await emulator.faults({
        requests: [
          { action: 'sts:GetCallerIdentity', code: 'Throttling', message: 'Rate exceeded', times: 2 },
          { action: 'servicequotas:GetServiceQuota', answer: { Quota: { Value: 0 } }, times: null },
          { action: 'ec2:DescribeVpcs', cut: 'before' },
        ],
      });
      const quota = () =>
        developer.json<{ Quota: { Value: number } }>('ServiceQuotasV20190624.GetServiceQuota', {
          ServiceCode: 'eks',
          QuotaCode: 'L-1194D53C',
        });

      expect(await refusal(identity(developer))).toBe('Throttling');
      expect(await refusal(identity(developer))).toBe('Throttling');
      expect(field(await identity(developer), 'Arn')).toBe(users.developer.arn);
      expect([(await quota()).Quota.Value, (await quota()).Quota.Value]).toEqual([0, 0]);
      await expect(developer.query('ec2', 'DescribeVpcs')).rejects.toThrow();
      await emulator.faults({});
      expect((await quota()).Quota.Value).toBe(100);
    });

    test('whose answer was lost is answered once more by its token, and done once', async () => {
      await emulator.faults({ requests: [{ action: 'cloudformation:CreateChangeSet', cut: 'after' }] });
      const set = {
        StackName: guard,
        ChangeSetName: 'one',
        ChangeSetType: 'CREATE',
        TemplateBody: templates.guard,
        'Capabilities.member.1': 'CAPABILITY_NAMED_IAM',
        ClientToken: crypto.randomUUID(),
      };
      const create = () => developer.query('cloudformation', 'CreateChangeSet', set);

      await expect(create()).rejects.toThrow();

      expect(field(await create(), 'Id')).toContain(':changeSet/one/');
      expect(
        await refusal(developer.query('cloudformation', 'CreateChangeSet', { ...set, ClientToken: 'two' })),
      ).toBe('AlreadyExistsException');
    });

    test('for a log group to be deleted finds it made again, when the test says so', async () => {
      const logGroupName = `/aws/eks/${environment}/cluster`;
      await developer.json('Logs_20140328.CreateLogGroup', { logGroupName });
      await emulator.faults({ returning: [{ logGroup: logGroupName }] });

      await developer.json('Logs_20140328.DeleteLogGroup', { logGroupName });
      expect(await emulator.census()).toEqual({ 'cloudwatch_logs.log_groups': [logGroupName] });

      await developer.json('Logs_20140328.DeleteLogGroup', { logGroupName });
      expect(await emulator.census()).toEqual({});
    });
  });

  test('the census sees what has no tag and is in no stack, and only of its account and region', async () => {
    await developer.query('ec2', 'CreateVolume', { AvailabilityZone: `${region}a`, Size: '8' });

    expect(await emulator.census()).toEqual({ 'ec2.volumes': [expect.stringMatching(/^vol-/)] });
    expect(await emulator.census({ region: 'eu-central-1' })).toEqual({});
    expect(await emulator.census({ account: otherAccount })).toEqual({});
  });

  test('the registry takes an image from who has its token, gives it to all, and forgets it with its stack', async () => {
    await deployStack(developer, environment, templates.environment);
    const { authorizationData } = await developer.json<{
      readonly authorizationData: readonly {
        readonly authorizationToken: string;
        readonly proxyEndpoint: string;
      }[];
    }>('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken');
    const { authorizationToken = '', proxyEndpoint } = authorizationData[0] ?? {};
    const images = `${proxyEndpoint}/v2/${environment}`;
    const put = (authorization: string) =>
      fetch(`${images}/manifests/one`, {
        method: 'PUT',
        headers: { authorization, 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
        body: '{"schemaVersion":2}',
      });

    expect((await put('Basic d3Jvbmc6d3Jvbmc=')).status).toBe(401);
    expect((await put(`Basic ${authorizationToken}`)).status).toBe(201);

    expect(proxyEndpoint).toBe(`http://${emulator.host}`);
    expect(await (await fetch(`${images}/manifests/one`)).text()).toBe('{"schemaVersion":2}');
    await deleteStack(developer, environment);
    await deployStack(developer, environment, templates.environment);
    expect((await fetch(`${images}/manifests/one`)).status).toBe(404);
  });
}

interface Described {
  readonly cluster: {
    readonly resourcesVpcConfig: {
      readonly clusterSecurityGroupId: string;
      readonly publicAccessCidrs: readonly string[];
    };
  };
}

function describeCluster(of: Account): Promise<Described> {
  return of.rest('eks', 'GET', `/clusters/${environment}`);
}

function entryPath(principal: string): string {
  return `/clusters/${environment}/access-entries/${encodeURIComponent(principal)}`;
}

function identity(of: Account): Promise<string> {
  return of.query('sts', 'GetCallerIdentity');
}

async function deleteRole(of: Account): Promise<string> {
  const roles = await of.query('iam', 'ListRoles', { PathPrefix: `/causeway/guard/${environment}/` });
  return /<Arn>([^<]*DeleteRole[^<]*)</.exec(roles)?.[1] ?? '';
}

async function refusal(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  if (error instanceof AwsError) return error.code;
  throw error ?? new Error('it was not refused');
}

async function reasonsOf(of: Account): Promise<readonly string[]> {
  const events = await eventsOf(of, environment);
  return events
    .filter(({ reason }) => reason)
    .map(({ resource, status, reason }) => `${resource} ${status}: ${reason}`);
}

async function tagged(of: Account): Promise<readonly string[]> {
  const { ResourceTagMappingList } = await of.json<{
    readonly ResourceTagMappingList: readonly { readonly ResourceARN: string }[];
  }>('ResourceGroupsTaggingAPI_20170126.GetResources', {
    TagFilters: [{ Key: 'causeway:project', Values: ['shop'] }],
  });
  return ResourceTagMappingList.map(({ ResourceARN }) => ResourceARN);
}

// biome-ignore lint/suspicious/noExplicitAny: a template is JSON of a hundred shapes
type Resources = Record<string, { Properties: any }>;

function changed(template: string, change: (resources: Resources) => void): string {
  const document = JSON.parse(template);
  change(document.Resources);
  return JSON.stringify(document);
}

function retaining({ environment }: Templates, days: number): string {
  return changed(environment, ({ ControlPlaneLogs }) => {
    if (ControlPlaneLogs) ControlPlaneLogs.Properties.RetentionInDays = days;
  });
}

function allowing({ environment }: Templates, cidr: string): string {
  return changed(environment, ({ Cluster }) => {
    if (Cluster) Cluster.Properties.ResourcesVpcConfig.PublicAccessCidrs = [cidr];
  });
}
