import { type CfnResource, Fn, type Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { accept } from './accept.ts';

export interface Network {
  readonly vpcId: string;
  readonly nodeSubnetIds: readonly string[];
  readonly loadBalancerSubnetIds: readonly string[];
  /** What must be there as long as anything in those subnets talks to the internet. */
  readonly nodeRoutes: readonly CfnResource[];
  readonly loadBalancerRoutes: readonly CfnResource[];
}

export interface NetworkOptions {
  readonly kind: 'public' | 'private';
  readonly name: string;
  /** Their names; without them, the first two of whichever region the stack is made in. */
  readonly zones?: readonly [string, string];
}

export const vpcCidr = '10.42.0.0/16';
/** As many zones as EKS and a load balancer ask for. */
const places = [0, 1] as const;
const nodeCidrs = ['10.42.0.0/20', '10.42.16.0/20'] as const;
/**
 * Of their own and as small as may be, so that a network policy can let in the load balancer and nobody else.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
 */
export const loadBalancerCidrs = ['10.42.255.0/27', '10.42.255.32/27'] as const;
const natCidr = '10.42.255.64/28';

/**
 * A VPC over two zones. Nodes lie in public subnets, closed by their security group, which costs nothing; or in private
 * ones behind a NAT gateway, in one zone: a second would cost as much again.
 */
export function makeNetwork(stack: Stack, { kind, name, zones }: NetworkOptions): Network {
  const vpc = new ec2.CfnVPC(stack, 'Vpc', {
    cidrBlock: vpcCidr,
    enableDnsHostnames: true,
    enableDnsSupport: true,
    tags: [{ key: 'Name', value: name }],
  });
  accept(vpc, {
    'AwsSolutions-VPC7':
      'flow logs are paid by the gigabyte, and say nothing that the cluster’s own logs leave out',
  });
  const vpcId = vpc.ref;
  const gateway = new ec2.CfnInternetGateway(stack, 'InternetGateway');
  const attachment = new ec2.CfnVPCGatewayAttachment(stack, 'InternetGatewayAttachment', {
    vpcId,
    internetGatewayId: gateway.ref,
  });
  const outside = new ec2.CfnRouteTable(stack, 'PublicRoutes', { vpcId });
  const toInternet = new ec2.CfnRoute(stack, 'PublicRoute', {
    routeTableId: outside.ref,
    destinationCidrBlock: '0.0.0.0/0',
    gatewayId: gateway.ref,
  });
  toInternet.addResourceDependency(attachment);
  // Without names by the stack's own region, so that making the template asks AWS for nothing.
  const zoneOf = (at: 0 | 1) => zones?.[at] ?? Fn.select(at, Fn.getAzs());
  const make = { stack, vpcId };
  const loadBalancer = places.map((at) =>
    makeSubnet({
      ...make,
      id: `LoadBalancerSubnet${at}`,
      cidr: loadBalancerCidrs[at],
      zone: zoneOf(at),
      routes: outside,
    }),
  );
  const isPublic = kind === 'public';
  const way = isPublic
    ? { table: outside, route: toInternet }
    : makeWayOut({ ...make, zone: zoneOf(0), outside, toInternet });
  const nodes = places.map((at) =>
    makeSubnet({
      ...make,
      id: `NodeSubnet${at}`,
      cidr: nodeCidrs[at],
      zone: zoneOf(at),
      routes: way.table,
      // Without NAT, a node reaches the internet by an address of its own.
      hasPublicAddresses: isPublic,
    }),
  );
  return {
    vpcId,
    nodeSubnetIds: nodes.map(({ subnet }) => subnet.ref),
    loadBalancerSubnetIds: loadBalancer.map(({ subnet }) => subnet.ref),
    nodeRoutes: [way.route, ...nodes.map(({ association }) => association)],
    loadBalancerRoutes: [toInternet, ...loadBalancer.map(({ association }) => association)],
  };
}

interface SubnetOptions {
  readonly stack: Stack;
  readonly vpcId: string;
  readonly id: string;
  readonly cidr: string;
  readonly zone: string;
  readonly routes: ec2.CfnRouteTable;
  readonly hasPublicAddresses?: boolean;
}

function makeSubnet({ stack, vpcId, id, cidr, zone, routes, hasPublicAddresses = false }: SubnetOptions) {
  const subnet = new ec2.CfnSubnet(stack, id, {
    vpcId,
    cidrBlock: cidr,
    availabilityZone: zone,
    mapPublicIpOnLaunch: hasPublicAddresses,
  });
  if (!Token.isUnresolved(zone)) {
    accept(subnet, {
      'CloudFormation-Validate::W3010': 'the region has zones that EKS does not serve; this one it does',
    });
  }
  const association = new ec2.CfnSubnetRouteTableAssociation(stack, `${id}Routes`, {
    subnetId: subnet.ref,
    routeTableId: routes.ref,
  });
  return { subnet, association };
}

/** The way out of private subnets. */
function makeWayOut({
  stack,
  vpcId,
  zone,
  outside,
  toInternet,
}: {
  readonly stack: Stack;
  readonly vpcId: string;
  readonly zone: string;
  readonly outside: ec2.CfnRouteTable;
  readonly toInternet: ec2.CfnRoute;
}): { readonly table: ec2.CfnRouteTable; readonly route: ec2.CfnRoute } {
  const { subnet, association } = makeSubnet({
    stack,
    vpcId,
    id: 'NatSubnet',
    cidr: natCidr,
    zone,
    routes: outside,
  });
  const address = new ec2.CfnEIP(stack, 'NatAddress', { domain: 'vpc' });
  address.addResourceDependency(toInternet);
  const gateway = new ec2.CfnNatGateway(stack, 'NatGateway', {
    subnetId: subnet.ref,
    allocationId: address.attrAllocationId,
  });
  gateway.addResourceDependency(association);
  const table = new ec2.CfnRouteTable(stack, 'PrivateRoutes', { vpcId });
  const route = new ec2.CfnRoute(stack, 'PrivateRoute', {
    routeTableId: table.ref,
    destinationCidrBlock: '0.0.0.0/0',
    natGatewayId: gateway.ref,
  });
  return { table, route };
}
