import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeInternetGatewaysCommand,
  DescribeNatGatewaysCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  DescribeVpcsCommand,
  type EC2Client,
  type Filter,
} from '@aws-sdk/client-ec2';
import { DescribeRepositoriesCommand } from '@aws-sdk/client-ecr';
import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import { ListRolesCommand } from '@aws-sdk/client-iam';
import { GetResourcesCommand } from '@aws-sdk/client-resource-groups-tagging-api';
import { isMissing } from '../account/explain.ts';
import { readStack } from '../deploy/stack.ts';
import { namesOf, type Place } from '../stacks/names.ts';
import { tagKeys } from '../stacks/tags.ts';
import type { Found, InventoryOptions } from './inventory.ts';
import { monthly } from './monthly.ts';
import { isStillThere } from './still-there.ts';

export interface Probe {
  readonly asks: string;
  /** Before the others: it tells which VPCs are the environment's. */
  readonly isFirst?: boolean;
  ask(options: InventoryOptions): Promise<readonly Found[]>;
}

export const probes: readonly Probe[] = [
  { asks: 'stacks, by name', ask: findStacks },
  { asks: 'VPCs, by tag', isFirst: true, ask: findVpcs },
  { asks: 'cluster, by name', ask: findCluster },
  { asks: 'images, by name', ask: findRepository },
  { asks: 'log groups, by name', ask: findLogGroups },
  { asks: 'roles, by path', ask: findRoles },
  { asks: 'nodes and volumes, by tag and by cluster', ask: findMachines },
  { asks: 'networks, by tag and by VPC', ask: findNetwork },
  { asks: 'everything else that has tags, by tag and by cluster', ask: findTagged },
];

async function findStacks({ account, place, signal }: InventoryOptions): Promise<readonly Found[]> {
  const { stack, guardStack } = namesOf(place);
  const found = await Promise.all(
    [stack, guardStack].map(async (name) => ({ name, stack: await readStack({ account, name, signal }) })),
  );
  return found
    .filter(({ stack }) => stack !== undefined && stack.StackStatus !== 'DELETE_COMPLETE')
    .map(({ name }) => ({
      category: 'stack',
      id: `stack ${name}`,
      name,
      remove: `aws cloudformation delete-stack --stack-name ${name} --region ${account.region}`,
    }));
}

export async function findCluster({ account, place, signal }: InventoryOptions): Promise<readonly Found[]> {
  const { cluster: name } = namesOf(place);
  const client = await account.eks();
  try {
    const { cluster } = await account.ask(`read the cluster ${name}`, () =>
      client.send(new DescribeClusterCommand({ name }), { abortSignal: signal }),
    );
    if (cluster?.arn === undefined) return [];
    const remove = `aws eks delete-cluster --name ${name} --region ${account.region}`;
    return [
      { category: 'cluster', id: cluster.arn, name, perMonth: monthly(account.region).cluster, remove },
    ];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export async function findRepository({
  account,
  place,
  signal,
}: InventoryOptions): Promise<readonly Found[]> {
  const { repository: name } = namesOf(place);
  const client = await account.ecr();
  try {
    const { repositories = [] } = await account.ask(`read the repository ${name}`, () =>
      client.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }), { abortSignal: signal }),
    );
    const remove = `aws ecr delete-repository --repository-name ${name} --force --region ${account.region}`;
    return repositories.map(({ repositoryArn = name }) => ({
      category: 'image repository',
      id: repositoryArn,
      name,
      remove,
    }));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export async function findLogGroups({ account, place, signal }: InventoryOptions): Promise<readonly Found[]> {
  const { logGroup } = namesOf(place);
  const client = await account.logs();
  const { logGroups = [] } = await account.ask('list the log groups', () =>
    client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroup }), { abortSignal: signal }),
  );
  return logGroups
    .filter(({ logGroupName }) => logGroupName === logGroup)
    .map(({ logGroupName: name = '', arn = name }) => ({
      category: 'log group',
      id: arn.replace(/:\*$/, ''),
      name,
      remove: `aws logs delete-log-group --log-group-name ${name} --region ${account.region}`,
    }));
}

async function findRoles({ account, place, signal }: InventoryOptions): Promise<readonly Found[]> {
  const { rolePath, guardRolePath } = namesOf(place);
  const client = await account.iam();
  const found = await Promise.all(
    [rolePath, guardRolePath].map((PathPrefix) =>
      account.ask('list the roles', () =>
        client.send(new ListRolesCommand({ PathPrefix }), { abortSignal: signal }),
      ),
    ),
  );
  return found.flatMap(({ Roles = [] }) =>
    Roles.map(({ RoleName: name = '', Arn: id = name }) => ({
      category: 'role',
      id,
      name,
      remove: `aws iam delete-role --role-name ${name}`,
    })),
  );
}

function tagged({ project, environment }: Place): Filter[] {
  return [
    { Name: `tag:${tagKeys.project}`, Values: [project] },
    { Name: `tag:${tagKeys.environment}`, Values: [environment] },
  ];
}

/** What the cluster itself makes carries its name. */
function ofCluster(place: Place): readonly Filter[][] {
  const { cluster } = namesOf(place);
  return [
    [{ Name: `tag:kubernetes.io/cluster/${cluster}`, Values: ['owned'] }],
    [{ Name: 'tag:eks:eks-cluster-name', Values: [cluster] }],
  ];
}

async function findVpcs(options: InventoryOptions): Promise<readonly Found[]> {
  const { account, place, signal } = options;
  const client = await account.ec2();
  const { Vpcs = [] } = await account.ask('list the VPCs', () =>
    client.send(new DescribeVpcsCommand({ Filters: tagged(place) }), { abortSignal: signal }),
  );
  return Vpcs.map(({ VpcId }) => part(options, 'VPC', VpcId, 'delete-vpc --vpc-id'));
}

async function findMachines(options: InventoryOptions): Promise<readonly Found[]> {
  const { account, place, signal } = options;
  const client = await account.ec2();
  const prices = monthly(account.region);
  const found = await Promise.all(
    [tagged(place), ...ofCluster(place)].map(async (Filters) => {
      const [{ Reservations = [] }, { Volumes = [] }] = await Promise.all([
        account.ask('list the instances', () =>
          client.send(new DescribeInstancesCommand({ Filters }), { abortSignal: signal }),
        ),
        account.ask('list the volumes', () =>
          client.send(new DescribeVolumesCommand({ Filters }), { abortSignal: signal }),
        ),
      ]);
      const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
      return [
        ...instances
          .filter(({ State }) => State?.Name !== 'terminated')
          .map(({ InstanceId }) =>
            part(options, 'node', InstanceId, 'terminate-instances --instance-ids', prices.node),
          ),
        ...Volumes.map(({ VolumeId, Size = 0 }) =>
          part(options, 'volume', VolumeId, 'delete-volume --volume-id', Size * prices.diskGb),
        ),
      ];
    }),
  );
  return found.flat();
}

async function findNetwork(options: InventoryOptions): Promise<readonly Found[]> {
  const { account, place, signal, vpcs = [] } = options;
  const client = await account.ec2();
  const inVpcs = vpcs.length === 0 ? [] : [[{ Name: 'vpc-id', Values: [...vpcs] }]];
  const found = await Promise.all(
    [tagged(place), ...ofCluster(place), ...inVpcs].map((filters) => askNetwork(options, client, filters)),
  );
  const gateways = await account.ask('list the NAT gateways', () =>
    client.send(new DescribeNatGatewaysCommand({ Filter: tagged(place) }), { abortSignal: signal }),
  );
  const addresses = await account.ask('list the addresses', () =>
    client.send(new DescribeAddressesCommand({ Filters: tagged(place) }), { abortSignal: signal }),
  );
  const { nat, address } = monthly(account.region);
  return [
    ...found.flat(),
    ...(gateways.NatGateways ?? [])
      .filter(({ State }) => State !== 'deleted')
      .map(({ NatGatewayId }) =>
        part(options, 'NAT gateway', NatGatewayId, 'delete-nat-gateway --nat-gateway-id', nat),
      ),
    ...(addresses.Addresses ?? []).map(({ AllocationId }) =>
      part(options, 'public address', AllocationId, 'release-address --allocation-id', address),
    ),
  ];
}

async function askNetwork(
  options: InventoryOptions,
  client: EC2Client,
  Filters: Filter[],
): Promise<readonly Found[]> {
  const { account, signal } = options;
  const how = { abortSignal: signal };
  const [subnets, groups, tables, interfaces, gateways] = await Promise.all([
    account.ask('list the subnets', () => client.send(new DescribeSubnetsCommand({ Filters }), how)),
    account.ask('list the security groups', () =>
      client.send(new DescribeSecurityGroupsCommand({ Filters }), how),
    ),
    account.ask('list the route tables', () => client.send(new DescribeRouteTablesCommand({ Filters }), how)),
    account.ask('list the network interfaces', () =>
      client.send(new DescribeNetworkInterfacesCommand({ Filters }), how),
    ),
    // They know their VPC by another name.
    Filters.some(({ Name }) => Name === 'vpc-id')
      ? { InternetGateways: [] }
      : account.ask('list the internet gateways', () =>
          client.send(new DescribeInternetGatewaysCommand({ Filters }), how),
        ),
  ]);
  // What every VPC has goes with it.
  const ownGroups = (groups.SecurityGroups ?? []).filter(({ GroupName }) => GroupName !== 'default');
  const ownTables = (tables.RouteTables ?? []).filter(
    ({ Associations = [] }) => !Associations.some(({ Main }) => Main),
  );
  return [
    ...(subnets.Subnets ?? []).map(({ SubnetId }) =>
      part(options, 'subnet', SubnetId, 'delete-subnet --subnet-id'),
    ),
    ...ownGroups.map(({ GroupId }) =>
      part(options, 'security group', GroupId, 'delete-security-group --group-id'),
    ),
    ...ownTables.map(({ RouteTableId }) =>
      part(options, 'route table', RouteTableId, 'delete-route-table --route-table-id'),
    ),
    ...(interfaces.NetworkInterfaces ?? []).map(({ NetworkInterfaceId }) =>
      part(
        options,
        'network interface',
        NetworkInterfaceId,
        'delete-network-interface --network-interface-id',
      ),
    ),
    ...(gateways.InternetGateways ?? []).map(({ InternetGatewayId }) =>
      part(options, 'internet gateway', InternetGatewayId, 'delete-internet-gateway --internet-gateway-id'),
    ),
  ];
}

/** Of EC2, whose ids are unique in a region. */
function part(
  { account: { region } }: InventoryOptions,
  category: string,
  id = '',
  command = '',
  perMonth?: number,
): Found {
  return {
    category,
    id,
    name: id,
    remove: `aws ec2 ${command} ${id} --region ${region}`,
    ...(perMonth === undefined ? {} : { perMonth }),
  };
}

/** What other services tell by their tags alone. EC2 is asked itself: its tags are told for an hour after a thing is gone. */
async function findTagged({ account, place, signal }: InventoryOptions): Promise<readonly Found[]> {
  const { cluster } = namesOf(place);
  const client = await account.tagging();
  const { project, environment } = place;
  const filters = [
    [
      { Key: tagKeys.project, Values: [project] },
      { Key: tagKeys.environment, Values: [environment] },
    ],
    [{ Key: 'eks:eks-cluster-name', Values: [cluster] }],
  ];
  const arns = new Set<string>();
  for (const TagFilters of filters) {
    let token: string | undefined;
    do {
      const page = await account.ask('list what has tags', () =>
        client.send(new GetResourcesCommand({ TagFilters, ...(token ? { PaginationToken: token } : {}) }), {
          abortSignal: signal,
        }),
      );
      for (const { ResourceARN = '' } of page.ResourceTagMappingList ?? []) arns.add(ResourceARN);
      token = page.PaginationToken || undefined;
    } while (token !== undefined);
  }
  const theirs = [...arns].filter((arn) => !isAskedItself(arn));
  const isThere = await Promise.all(theirs.map((arn) => isStillThere(arn, account, signal)));
  return theirs.filter((_, index) => isThere[index]).map((arn) => toFound(arn, account.region));
}

function isAskedItself(arn: string): boolean {
  return /^arn:[^:]+:(ec2|cloudformation|iam):/.test(arn);
}

const categories: readonly (readonly [RegExp, string, keyof ReturnType<typeof monthly> | undefined])[] = [
  [/:eks:.*:cluster\//, 'cluster', 'cluster'],
  [/:eks:.*:access-entry\//, 'access entry', undefined],
  [/:ecr:.*:repository\//, 'image repository', undefined],
  [/:elasticloadbalancing:.*:loadbalancer\//, 'load balancer', 'loadBalancer'],
  [/:elasticloadbalancing:.*:targetgroup\//, 'target group', undefined],
  [/:elasticloadbalancing:.*:listener/, 'listener', undefined],
  [/:logs:.*:log-group:/, 'log group', undefined],
  [/:acm:/, 'certificate', undefined],
  [/:scheduler:/, 'schedule', undefined],
  [/:budgets:/, 'budget', undefined],
];

function toFound(arn: string, region: string): Found {
  const [, category = 'resource', price] = categories.find(([pattern]) => pattern.test(arn)) ?? [];
  const name = nameIn(arn);
  return {
    category,
    id: arn.replace(/:\*$/, ''),
    name,
    ...(price === undefined ? {} : { perMonth: monthly(region)[price] }),
    remove: removal(arn, category, region),
  };
}

/** `…:loadbalancer/app/shop/50dc6c49`: shop. */
function nameIn(arn: string): string {
  const rest = arn.split(':').slice(5).join(':');
  const [type, ...parts] = rest.replace(/^(log-group|loadbalancer)[:/](app\/|net\/)?/, '$1\n').split('\n');
  const path = parts.length > 0 ? parts.join('') : (type ?? '').replace(/^[a-z-]+\/(app\/|net\/)?/, '');
  return path.startsWith('/') ? path : (path.split('/')[0] ?? path);
}

/** The command where there is a short one; else where it is found. */
function removal(arn: string, category: string, region: string): string {
  const name = arn.slice(arn.lastIndexOf('/') + 1);
  switch (category) {
    case 'load balancer':
      return `aws elbv2 delete-load-balancer --load-balancer-arn ${arn} --region ${region}`;
    case 'target group':
      return `aws elbv2 delete-target-group --target-group-arn ${arn} --region ${region}`;
    case 'certificate':
      return `aws acm delete-certificate --certificate-arn ${arn} --region ${region}`;
    case 'log group':
      return `aws logs delete-log-group --log-group-name ${arn.split(':log-group:')[1]?.replace(/:\*$/, '')} --region ${region}`;
    case 'schedule':
      return `aws scheduler delete-schedule-group --name ${name} --region ${region}`;
    case 'budget':
      return `aws budgets delete-budget --account-id ${arn.split(':')[4]} --budget-name ${name}`;
    default:
      return `aws resourcegroupstaggingapi get-resources --resource-arn-list ${arn} --region ${region}`;
  }
}
