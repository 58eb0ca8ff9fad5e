import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { composeBase } from '../images/base.ts';
import { have } from '../images/have.ts';
import { type Ended, until } from '../local/project.ts';
import { type Emulator, startEmulator } from './emulator.ts';
import { makeProject, type Project, stackName } from './project.ts';
import { deployStack, describeStack, field } from './stack.ts';
import { makeTemplates } from './templates.ts';
import { account, otherAccount, users } from './users.ts';

setDefaultTimeout(120_000);

const emulator = await have('the AWS emulator', () => startEmulator());
if (emulator) describe('an environment in an account where things go wrong', () => testFaults(emulator));

/** No cluster answers here: `up` ends once its stacks stand, with the exit code of an environment that does not answer. */
function testFaults(emulator: Emulator): void {
  const developer = emulator.as(users.developer);
  const guardName = `${stackName}-guard`;
  let image = '';
  let project: Project;

  beforeAll(async () => {
    image = await composeBase();
  }, 600_000);

  beforeEach(async () => {
    await emulator.reset();
    await project?.[Symbol.asyncDispose]();
    project = await makeProject(emulator);
    project.use('good.ts');
  });

  afterAll(async () => {
    await project?.[Symbol.asyncDispose]();
    await emulator[Symbol.asyncDispose]();
  });

  const errorOf = (ended: Ended) => ended.json().error;
  // An image that is there needs no building, and is small; here it never runs.
  const makes = (...flags: readonly string[]) => ['--yes', '--json', '--image', image, ...flags];
  const up = (...flags: readonly string[]) => project.causeway('up', ...makes(...flags));
  const down = () => project.causeway('down', '--yes', '--json');
  const statusOf = async (name: string) => (await describeStack(developer, name)).status;

  async function countImages(): Promise<number> {
    const target = 'AmazonEC2ContainerRegistry_V20150921.DescribeImages';
    const asked = developer.json<{ readonly imageDetails: readonly object[] }>(target, {
      repositoryName: stackName,
    });
    return asked.then(
      ({ imageDetails }) => imageDetails.length,
      () => 0,
    );
  }

  async function makeStacks(guard: object = {}): Promise<void> {
    const templates = await makeTemplates({ guard });
    await deployStack(developer, guardName, templates.guard);
    await deployStack(developer, stackName, templates.environment);
  }

  async function nothingLeft(): Promise<void> {
    await emulator.faults({});
    const { exitCode, stderr } = await down();
    expect(exitCode, stderr).toBe(0);
    expect(await emulator.census()).toEqual({});
  }

  describe('credentials', () => {
    test('that are missing, wrong or of another account are told, and nothing is asked of AWS', async () => {
      const nobody = await project.as({ accessKeyId: '', secretAccessKey: '' }, 'plan', '--json');
      const wrong = await project.as({ ...users.developer, secretAccessKey: 'wrong' }, 'plan', '--json');
      project.configure({ account });
      const elsewhere = await project.as(users.elsewhere, 'up', '--yes', '--json');

      expect([nobody.exitCode, errorOf(nobody)?.code], nobody.stderr).toEqual([1, 'cloud_credentials']);
      expect([wrong.exitCode, errorOf(wrong)?.code], wrong.stderr).toEqual([1, 'cloud_credentials']);
      expect([elsewhere.exitCode, errorOf(elsewhere)?.code]).toEqual([1, 'cloud_account_other']);
      expect(errorOf(elsewhere)?.message).toContain(otherAccount);
      expect(await emulator.census({ account: otherAccount })).toEqual({});
    });

    test('of one who may only read are enough for plan, and up says which right is missing', async () => {
      const plan = await project.as(users.readOnly, 'plan', '--json');
      const denied = await project.as(users.readOnly, 'up', '--yes', '--json');

      expect(plan.exitCode, plan.stderr).toBe(0);
      expect([denied.exitCode, errorOf(denied)?.code]).toEqual([1, 'cloud_refused']);
      expect(errorOf(denied)?.message).toMatch(/you may not plan the stack .*cloudformation:CreateChangeSet/);
      expect(await emulator.census()).toEqual({});
    });
  });

  describe('before anything is made', () => {
    test('nobody to ask, a price over the budget, and a domain without hosted zone are refused', async () => {
      const unasked = await project.causeway('up', '--json');
      project.configure({ protected: true });
      const costly = await up();
      project.configure({ protected: false, domain: 'shop.example.com' });
      const homeless = await up();

      expect([unasked.exitCode, errorOf(unasked)?.code]).toEqual([2, 'usage_wrong']);
      expect([costly.exitCode, errorOf(costly)?.code]).toEqual([1, 'budget_exceeded']);
      expect([homeless.exitCode, errorOf(homeless)?.code]).toEqual([1, 'cloud_refused']);
      expect(errorOf(homeless)?.message).toContain('shop.example.com');
      expect(await emulator.census()).toEqual({});
    });

    test('quotas that are used up, and names that are taken, are told all at once, with how to mend each', async () => {
      const used = (code: string) => ({
        action: 'servicequotas:GetServiceQuota',
        contains: code,
        answer: { Quota: { QuotaCode: code, Value: 1 } },
        times: null,
      });
      await emulator.faults({ requests: [used('L-F678F1CE'), used('L-1216C47A')] });
      const logGroupName = `/aws/eks/${stackName}/cluster`;
      await developer.json('Logs_20140328.CreateLogGroup', { logGroupName });
      const before = await emulator.census();

      const planned = await project.causeway('plan', '--json');
      const refused = await up();

      expect([planned.exitCode, errorOf(planned)?.code], planned.stderr).toEqual([1, 'preflight_failed']);
      expect([refused.exitCode, errorOf(refused)?.code]).toEqual([1, 'preflight_failed']);
      const { message = '', hint = '' } = errorOf(refused) ?? {};
      expect(message).toMatch(/it needs 1 of VPCs, and \d of the 1/);
      expect(message).toMatch(/it needs \d of CPUs of standard on-demand instances, and 0 of the 1/);
      expect(message).toContain(`a log group ${logGroupName} is there`);
      expect(hint).toContain('--service-code vpc --quota-code L-F678F1CE --desired-value');
      expect(hint).toContain('causeway down production takes it away');
      expect(await emulator.census()).toEqual(before);
      await nothingLeft();
    });

    test('a service that cannot be built, and one whose tests fail, make nothing', async () => {
      project.configure({}, { test: 'exit 7' });
      const untested = await project.causeway('up', '--yes', '--json');
      project.configure({}, { entry: 'nowhere.ts' });
      const unbuilt = await project.causeway('up', '--yes', '--json');

      expect([untested.exitCode, errorOf(untested)?.code], untested.stderr).toEqual([1, 'test_failed']);
      expect([unbuilt.exitCode, errorOf(unbuilt)?.code], unbuilt.stderr).toEqual([1, 'build_failed']);
      expect(await emulator.census()).toEqual({});
    });

    test('a time to live that is over at once, and an address that is none, are wrong usage', async () => {
      const over = await up('--ttl', '5s');
      const address = await up('--budget-email', 'nobody');

      expect([over.exitCode, errorOf(over)?.code]).toEqual([2, 'usage_wrong']);
      expect([address.exitCode, errorOf(address)?.code]).toEqual([2, 'usage_wrong']);
    });
  });

  describe('while it is made', () => {
    test('a cluster that cannot be made is the cause in one line, and the next up makes it', async () => {
      await emulator.faults({
        resources: [{ type: 'AWS::EKS::Cluster', on: 'create', message: 'no capacity in this zone' }],
      });

      const { exitCode, json } = await up();

      expect([exitCode, json().error?.code]).toEqual([1, 'cloud_failed']);
      expect(json().error?.message).toContain('Cluster (AWS::EKS::Cluster): no capacity in this zone');
      expect(await statusOf(guardName)).toBe('CREATE_COMPLETE');
      const { stdout } = await project.causeway('plan');
      expect(stdout).toContain(`${stackName}: 24 changes`);
      await up();
      expect(await statusOf(stackName)).toBe('CREATE_COMPLETE');
      await nothingLeft();
    });

    test('requests that are throttled, or whose answers are lost, are sent again', async () => {
      await emulator.faults({
        requests: [
          {
            action: 'cloudformation:CreateChangeSet',
            code: 'Throttling',
            message: 'Rate exceeded',
            status: 400,
            times: 2,
          },
          { action: 'cloudformation:CreateChangeSet', cut: 'after' },
          { action: 'cloudformation:ExecuteChangeSet', cut: 'after' },
          { action: 'cloudformation:DescribeStackEvents', cut: 'before', times: 3 },
        ],
      });

      await up();

      expect([await statusOf(guardName), await statusOf(stackName)]).toEqual([
        'CREATE_COMPLETE',
        'CREATE_COMPLETE',
      ]);
    });

    test('its image is tested before, and pushed before the cluster is there', async () => {
      project.configure({}, { test: 'true' });
      await emulator.faults({ resources: [{ type: 'AWS::EKS::Cluster', on: 'create', seconds: 300 }] });

      const begun = project.start('up', '--yes');

      await until('it is pushed', async () => (await countImages()) > 0, { withinMs: 100_000 });
      expect(await statusOf(stackName)).toBe('CREATE_IN_PROGRESS');
      begun.process.kill('SIGINT');
      const { exitCode, stderr } = await begun.ended;
      expect(exitCode).toBe(130);
      expect(stderr.match(/^test .*$/gm)).toEqual([expect.stringMatching(/^test +passed/)]);
      expect(stderr).toMatch(/goes on by itself, and costs what it costs/);
      await nothingLeft();
    });

    test('a cluster that does not answer is told with what mends it, beside what the account tells', async () => {
      await makeStacks();

      const status = await project.causeway('status');
      const plan = await project.causeway('plan', '--json');
      await developer.json('Logs_20140328.PutRetentionPolicy', {
        logGroupName: `/aws/eks/${stackName}/cluster`,
        retentionInDays: 3,
      });
      const drift = await project.causeway('drift');

      expect([drift.exitCode, drift.stdout]).toEqual([
        5,
        'AWS::Logs::LogGroup ControlPlaneLogs RetentionInDays: 3, and shall be 30\n',
      ]);
      expect(status.exitCode).toBe(5);
      expect(status.stdout).toMatch(/^costs +\$0\.00 so far/m);
      expect(status.stdout).toMatch(/^lives +deletes itself in/m);
      expect(status.stderr).toMatch(
        /takes connections from 203.0.113.7\/32 alone: .*causeway up production lets you in/s,
      );
      expect(plan.exitCode, plan.stderr).toBe(0);
      expect(plan.stdout).toContain('"unseen":"https://127.0.0.1:16443 does not answer');
    });

    test('a stack that somebody else is making is waited for, and not made twice', async () => {
      await emulator.faults({ resources: [{ type: 'AWS::EKS::Cluster', on: 'create', seconds: 300 }] });
      const first = project.start('up', ...makes());
      await until('it is being made', async () => (await statusOf(stackName)) === 'CREATE_IN_PROGRESS');

      const second = project.start('up', ...makes());
      await second.says('waits for the stack shop-production, which is create in progress');
      await emulator.faults({});
      const ended = [await first.ended, await second.ended];

      expect(ended.map(errorOf).map((error) => error?.code)).toEqual([
        'environment_unreachable',
        'environment_unreachable',
      ]);
      expect(await statusOf(stackName)).toBe('CREATE_COMPLETE');
    });

    test('two people who make it at the same time both get in', async () => {
      const { ann, eve } = { ann: users.developer, eve: users.stranger };
      // What eve wants was planned when nothing was there, and comes when all is.
      const late = { action: 'cloudformation:CreateChangeSet', contains: encodeURIComponent(eve.arn) };
      await emulator.faults({ requests: [{ ...late, delay: 8 }] });

      const [first, second] = await Promise.all([
        project.as(ann, 'up', ...makes()),
        project.as(eve, 'up', ...makes()),
      ]);

      expect([first, second].map(errorOf).map((error) => error?.code)).toEqual([
        'environment_unreachable',
        'environment_unreachable',
      ]);
      const { accessEntries } = await developer.rest<{ readonly accessEntries: readonly string[] }>(
        'eks',
        'GET',
        `/clusters/${stackName}/access-entries`,
      );
      expect(accessEntries).toEqual(expect.arrayContaining([ann.arn, eve.arn]));
      await nothingLeft();
    });

    test('credentials that expire on the way are told, the stack goes on, and so does the next up', async () => {
      await emulator.faults({ resources: [{ type: 'AWS::EKS::Cluster', on: 'create', seconds: 300 }] });
      const begun = project.start('up', ...makes());
      await until('it is being made', async () => (await statusOf(stackName)) === 'CREATE_IN_PROGRESS');
      const expired = {
        code: 'ExpiredToken',
        message: 'The security token included in the request is expired',
      };
      await emulator.faults({ requests: [{ ...expired, action: '*', status: 403, times: null }] });

      const ended = await begun.ended;

      expect([ended.exitCode, errorOf(ended)?.code]).toEqual([1, 'cloud_credentials']);
      expect(errorOf(ended)?.message).toContain('is expired');
      expect(errorOf(ended)?.hint).toContain('run the same command again; what was begun is gone on with');
      await emulator.faults({});
      expect(errorOf(await up())?.code).toBe('environment_unreachable');
      expect(await statusOf(stackName)).toBe('CREATE_COMPLETE');
    });

    test('a connection that is gone for longer than requests are repeated is waited for', async () => {
      await emulator.faults({ resources: [{ type: 'AWS::EKS::Cluster', on: 'create', seconds: 6 }] });
      const begun = project.start('up', ...makes());
      await until('it is being made', async () => (await statusOf(stackName)) === 'CREATE_IN_PROGRESS');
      const stacks = ['cloudformation:DescribeStacks', 'cloudformation:DescribeStackEvents'];
      await emulator.faults({ requests: stacks.map((action) => ({ action, cut: 'before', times: 14 })) });

      const ended = await begun.ended;

      expect(errorOf(ended)?.message).toContain('https://127.0.0.1:16443 does not answer');
      expect(ended.stderr).toMatch(/^retry +shop-production: AWS in us-east-1 does not answer/m);
      expect(await statusOf(stackName)).toBe('CREATE_COMPLETE');
    });

    test('a cluster that somebody deleted by hand is told, and down and up make it anew', async () => {
      await makeStacks();
      await developer.rest('eks', 'DELETE', `/clusters/${stackName}`);

      const refused = await up();
      const status = await project.causeway('status');

      expect([refused.exitCode, errorOf(refused)?.code]).toEqual([1, 'cloud_failed']);
      expect(errorOf(refused)?.message).toContain('somebody deleted it by hand');
      expect(errorOf(refused)?.hint).toContain('causeway down production takes the rest away');
      expect([status.exitCode, status.stdout]).toEqual([1, expect.stringMatching(/^costs /m)]);
      await nothingLeft();
      expect(errorOf(await up())?.code).toBe('environment_unreachable');
    });
  });

  test('a repository, a load balancer and a target group that somebody deleted by hand are told, and down goes on without them', async () => {
    await makeStacks();
    const find = async (kind: 'LoadBalancer' | 'TargetGroup') =>
      field(await developer.query('elasticloadbalancing', `Describe${kind}s`, {}), `${kind}Arn`);
    const [balancer, group] = [await find('LoadBalancer'), await find('TargetGroup')];
    await developer.query('elasticloadbalancing', 'DeleteLoadBalancer', { LoadBalancerArn: balancer });
    const plan = await project.causeway('plan', '--json');
    await developer.query('elasticloadbalancing', 'DeleteTargetGroup', { TargetGroupArn: group });
    await developer.json('AmazonEC2ContainerRegistry_V20150921.DeleteRepository', {
      repositoryName: stackName,
      force: true,
    });

    const refused = await up();
    const drift = await project.causeway('drift', '--json');

    expect([plan.exitCode, errorOf(plan)?.code], plan.stderr).toEqual([1, 'cloud_failed']);
    expect(errorOf(plan)?.message).toMatch(/^the load balancer shop-pro\S+ is gone, and its stack/);
    expect([refused.exitCode, errorOf(refused)?.code], refused.stderr).toEqual([1, 'cloud_failed']);
    expect(errorOf(refused)?.message).toMatch(
      /^the image repository shop-production, the target group shop-pro\S+, the load balancer \S+ are gone/,
    );
    expect(errorOf(refused)?.hint).toContain('causeway down production takes the rest away');
    expect(drift.json().differences?.map(({ object }) => object.split(' ')[1])).toEqual(
      expect.arrayContaining(['Repository', 'LoadBalancer', 'TargetGroup']),
    );
    await nothingLeft();
  });

  describe('while it is taken away', () => {
    test('what the cluster made and left goes, and what looks like it and is not its own stays', async () => {
      await makeStacks();
      const { outputs } = await describeStack(developer, stackName);
      const vpc = outputs.VpcId ?? '';
      const subnets = await developer.query('ec2', 'DescribeSubnets', {
        'Filter.1.Name': 'vpc-id',
        'Filter.1.Value.1': vpc,
      });
      const subnet = field(subnets, 'subnetId');
      const make = async (cluster: string) => {
        const volume = await developer.query('ec2', 'CreateVolume', {
          AvailabilityZone: 'us-east-1a',
          Size: '8',
          'TagSpecification.1.ResourceType': 'volume',
          'TagSpecification.1.Tag.1.Key': `kubernetes.io/cluster/${cluster}`,
          'TagSpecification.1.Tag.1.Value': 'owned',
        });
        const balancer = await developer.query('elasticloadbalancing', 'CreateLoadBalancer', {
          Name: `k8s-${cluster}`,
          'Subnets.member.1': subnet,
          'Tags.member.1.Key': 'eks:eks-cluster-name',
          'Tags.member.1.Value': cluster,
        });
        return [field(volume, 'volumeId'), field(balancer, 'LoadBalancerArn')];
      };
      await make(stackName);
      const others = await make(`${stackName}-2`);

      const { exitCode, stderr } = await down();

      expect(exitCode, stderr).toBe(0);
      const census = await emulator.census();
      expect(census).toMatchObject({ 'ec2.volumes': [others[0]] });
      expect(JSON.stringify(census)).toContain(`loadbalancer/app/k8s-${stackName}-2/`);
      expect(JSON.stringify(census)).not.toContain(`loadbalancer/app/k8s-${stackName}/`);
    });

    test('what cannot be deleted once is tried again, and what never can is named', async () => {
      await makeStacks();
      const blocked = {
        type: 'AWS::EC2::SecurityGroup',
        on: 'delete',
        message: 'it has a dependent object',
      } as const;
      await emulator.faults({ resources: [{ ...blocked, times: null }] });

      const failed = await down();

      expect(failed.exitCode).toBe(1);
      const left =
        failed
          .json()
          .items?.filter(({ isGone }) => !isGone)
          .map(({ what }) => what) ?? [];
      expect(left).toEqual(expect.arrayContaining([`stack ${stackName}`, `stack ${guardName}`]));
      expect(failed.stdout).toContain('it has a dependent object');
      await emulator.faults({ resources: [blocked] });
      expect((await down()).exitCode).toBe(0);
      expect(await emulator.census()).toEqual({});
    });

    test('a thing with our tags that no stack made, and a log group that comes back, are found and named', async () => {
      await makeStacks();
      const tags = { project: 'shop', environment: 'production' };
      const planted = await developer.query('ec2', 'CreateVpc', { CidrBlock: '10.9.0.0/16' });
      const vpc = field(planted, 'vpcId');
      const tagged = {
        'ResourceId.1': vpc,
        ...Object.fromEntries(
          Object.entries(tags).flatMap(([key, value], index) => [
            [`Tag.${index + 1}.Key`, `causeway:${key}`],
            [`Tag.${index + 1}.Value`, value],
          ]),
        ),
      };
      await developer.query('ec2', 'CreateTags', tagged);
      const logGroup = `/aws/eks/${stackName}/cluster`;
      await emulator.faults({ returning: [{ logGroup, times: 2 }] });

      const { exitCode, json, stdout } = await down();

      const left =
        json()
          .items?.filter(({ isGone }) => !isGone)
          .map(({ what }) => what) ?? [];
      expect([
        exitCode,
        left.some((what) => what.includes(vpc)),
        left.some((what) => what.includes(logGroup)),
      ]).toEqual([1, true, true]);
      expect(stdout).toContain(`aws ec2 delete-vpc --vpc-id ${vpc}`);
      await developer.query('ec2', 'DeleteTags', tagged);
      await developer.query('ec2', 'DeleteVpc', { VpcId: vpc });
      await nothingLeft();
    });

    test('nothing there is an answer, twice, and every receipt is kept', async () => {
      expect((await down()).exitCode).toBe(0);
      const { exitCode, json } = await down();

      expect([exitCode, json().items]).toEqual([0, []]);
      const folder = join(project.stateFolder, 'receipts');
      expect(existsSync(folder) && readdirSync(folder).length).toBeGreaterThan(0);
    });

    test('--dry-run names what there is, and takes nothing away', async () => {
      await makeStacks();
      const before = await emulator.census();

      const { stdout } = await project.causeway('down', '--dry-run');
      const { exitCode, json } = await project.causeway('down', '--dry-run', '--json');

      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/\d+ things, \$89\.\d\d a month, nothing was taken away/);
      expect(json().items?.map(({ what }) => what)).toContain(`stack ${stackName}`);
      expect(await emulator.census()).toEqual(before);
      await nothingLeft();
    });
  });

  test('what has deleted itself is expired and not verified, until down has looked', async () => {
    await makeStacks({ expiresAt: new Date(Date.now() + 2_000) });
    await until('it is gone', async () => (await statusOf(stackName)) === 'GONE');

    const status = await project.causeway('status');
    const { exitCode } = await down();

    expect(status.stdout).toMatch(/deleted itself, and nobody has verified/);
    expect(status.stderr).toContain('causeway down production verifies that all is gone');
    expect(exitCode).toBe(0);
    expect(await emulator.census()).toEqual({});
  });
}
