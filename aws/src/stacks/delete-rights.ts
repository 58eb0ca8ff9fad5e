import type { Domain } from './load-balancer.ts';
import { namesOf, type Place } from './names.ts';
import type { Condition, Right } from './roles.ts';
import { tagsOf } from './tags.ts';

/** What may be deleted, and whose it must be. */
export interface Deed {
  readonly actions: readonly string[];
  /** The ends of ARNs: `vpc/*`. */
  readonly on: readonly string[];
  /**
   * What keeps it to the environment: our tags; the tag that EKS puts on what it makes for a cluster; the name in the
   * zone; the environment's name in the ARN; or what is always asked for together with it.
   */
  readonly by: Limit;
}

type Limit = 'tags' | 'cluster' | 'domain' | 'name' | 'company';

export interface Deletion extends Place {
  readonly domain?: Domain;
}

/** What CloudFormation calls to delete one type of resource. */
export interface TypeRights {
  readonly type: string;
  /** They change nothing, and AWS limits them to no resource. */
  readonly reads: readonly string[];
  readonly deeds: readonly Deed[];
  /** What the type's schema names besides, and why it is not given. */
  readonly leftOut?: Readonly<Record<string, string>>;
  /** Where AWS says which of the actions can be kept to what. */
  readonly source: string;
}

const reference = 'https://docs.aws.amazon.com/service-authorization/latest/reference/list_';
const ec2 = `${reference}amazonec2.html`;
const loadBalancing = `${reference}awselasticloadbalancingv2.html`;

const noKey = 'nothing of an environment has a key of its own';

/**
 * What deleting an environment takes, by type: the permissions of the delete handler in the type's published schema
 * (`aws cloudformation describe-type --type RESOURCE --type-name …`), as of cfn-lint 1.58.0's copy of it.
 */
export function deleteRights({ domain, ...place }: Deletion): readonly TypeRights[] {
  const { cluster, logGroup, repository, rolePath } = namesOf(place);
  const vpcPart = (type: string, end: string, action: string, read: string): TypeRights => ({
    type: `AWS::EC2::${type}`,
    reads: [`ec2:${read}`],
    deeds: [{ actions: [`ec2:${action}`], on: [`${end}/*`], by: 'tags' }],
    source: ec2,
  });
  const balancerPart = (type: string, end: string, action: string, read: string): TypeRights => ({
    type: `AWS::ElasticLoadBalancingV2::${type}`,
    reads: [`elasticloadbalancing:${read}`],
    deeds: [{ actions: [`elasticloadbalancing:${action}`], on: [`${end}/*`], by: 'tags' }],
    source: loadBalancing,
  });
  return [
    vpcPart('VPC', 'vpc', 'DeleteVpc', 'DescribeVpcs'),
    vpcPart('InternetGateway', 'internet-gateway', 'DeleteInternetGateway', 'DescribeInternetGateways'),
    {
      type: 'AWS::EC2::VPCGatewayAttachment',
      reads: ['ec2:DescribeInternetGateways', 'ec2:DescribeVpnGateways'],
      deeds: [{ actions: ['ec2:DetachInternetGateway'], on: ['internet-gateway/*', 'vpc/*'], by: 'tags' }],
      leftOut: { 'ec2:DetachVpnGateway': 'an environment has no VPN' },
      source: ec2,
    },
    vpcPart('RouteTable', 'route-table', 'DeleteRouteTable', 'DescribeRouteTables'),
    vpcPart('Route', 'route-table', 'DeleteRoute', 'DescribeRouteTables'),
    vpcPart('Subnet', 'subnet', 'DeleteSubnet', 'DescribeSubnets'),
    {
      type: 'AWS::EC2::SubnetRouteTableAssociation',
      reads: ['ec2:DescribeSubnets', 'ec2:DescribeRouteTables'],
      deeds: [{ actions: ['ec2:DisassociateRouteTable'], on: ['route-table/*', 'subnet/*'], by: 'tags' }],
      source: ec2,
    },
    {
      type: 'AWS::EC2::EIP',
      reads: ['ec2:DescribeAddresses'],
      deeds: [
        { actions: ['ec2:ReleaseAddress', 'ec2:DisassociateAddress'], on: ['elastic-ip/*'], by: 'tags' },
      ],
      source: ec2,
    },
    vpcPart('NatGateway', 'natgateway', 'DeleteNatGateway', 'DescribeNatGateways'),
    {
      type: 'AWS::EC2::SecurityGroup',
      reads: ['ec2:DescribeSecurityGroups', 'ec2:DescribeInstances'],
      deeds: [{ actions: ['ec2:DeleteSecurityGroup'], on: ['security-group/*'], by: 'tags' }],
      source: ec2,
    },
    {
      type: 'AWS::EC2::SecurityGroupIngress',
      reads: ['ec2:DescribeSecurityGroupRules'],
      deeds: [
        // The rule is in the group that EKS makes: https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
        { actions: ['ec2:RevokeSecurityGroupIngress'], on: ['security-group/*'], by: 'cluster' },
        // Rules have no tags here. Group and rule are asked for together, and the group must be the cluster's.
        {
          actions: ['ec2:RevokeSecurityGroupIngress'],
          on: ['security-group-rule/*'],
          by: 'company',
        },
      ],
      source: ec2,
    },
    {
      type: 'AWS::IAM::Role',
      reads: [],
      deeds: [
        {
          actions: [
            'iam:DeleteRole',
            'iam:DeleteRolePolicy',
            'iam:DetachRolePolicy',
            'iam:GetRole',
            'iam:ListAttachedRolePolicies',
            'iam:ListRolePolicies',
            'iam:TagRole',
            'iam:UntagRole',
          ],
          on: [`role${rolePath}*`],
          by: 'name',
        },
      ],
      source: `${reference}awsidentityandaccessmanagementiam.html`,
    },
    {
      type: 'AWS::EKS::Cluster',
      reads: [],
      deeds: [
        { actions: ['eks:DeleteCluster', 'eks:DescribeCluster'], on: [`cluster/${cluster}`], by: 'name' },
      ],
      source: `${reference}amazonelastickubernetesservice.html`,
    },
    {
      type: 'AWS::EKS::AccessEntry',
      reads: [],
      deeds: [
        {
          actions: ['eks:DeleteAccessEntry', 'eks:DescribeAccessEntry'],
          on: [`cluster/${cluster}`, `access-entry/${cluster}/*`],
          by: 'name',
        },
      ],
      source: `${reference}amazonelastickubernetesservice.html`,
    },
    {
      type: 'AWS::ECR::Repository',
      reads: [],
      deeds: [{ actions: ['ecr:DeleteRepository'], on: [`repository/${repository}`], by: 'name' }],
      leftOut: { 'kms:RetireGrant': noKey },
      source: `${reference}amazonelasticcontainerregistry.html`,
    },
    {
      type: 'AWS::Logs::LogGroup',
      reads: ['logs:DescribeLogGroups'],
      deeds: [
        {
          actions: ['logs:DeleteLogGroup', 'logs:DeleteDataProtectionPolicy'],
          on: [`log-group:${logGroup}`, `log-group:${logGroup}:*`],
          by: 'name',
        },
      ],
      source: `${reference}amazoncloudwatchlogs.html`,
    },
    balancerPart('LoadBalancer', 'loadbalancer/app', 'DeleteLoadBalancer', 'DescribeLoadBalancers'),
    balancerPart('TargetGroup', 'targetgroup', 'DeleteTargetGroup', 'DescribeTargetGroups'),
    balancerPart('Listener', 'listener/app', 'DeleteListener', 'DescribeListeners'),
    ...(domain === undefined ? [] : domainRights(domain)),
  ];
}

function domainRights({ hostedZoneId }: Domain): readonly TypeRights[] {
  return [
    {
      type: 'AWS::CertificateManager::Certificate',
      reads: [],
      deeds: [
        {
          actions: ['acm:DeleteCertificate', 'acm:DescribeCertificate', 'acm:RemoveTagsFromCertificate'],
          on: ['certificate/*'],
          by: 'tags',
        },
      ],
      source: `${reference}awscertificatemanager.html`,
    },
    {
      type: 'AWS::Route53::RecordSet',
      reads: ['route53:ListHostedZones'],
      deeds: [
        { actions: ['route53:ChangeResourceRecordSets'], on: [`hostedzone/${hostedZoneId}`], by: 'domain' },
        {
          actions: ['route53:GetHostedZone', 'route53:ListResourceRecordSets'],
          on: [`hostedzone/${hostedZoneId}`],
          by: 'name',
        },
        // How far a change is; its id says nothing of the zone.
        { actions: ['route53:GetChange'], on: ['change/*'], by: 'company' },
      ],
      source: `${reference}amazonroute53.html`,
    },
  ];
}

/** The same as what a role is given: the reads of all types together, and the rest by service and limit. */
export function deletingRights(deletion: Deletion): readonly Right[] {
  const types = deleteRights(deletion);
  const reads = unique(types.flatMap((type) => type.reads));
  const rights = new Map<string, { readonly by: Limit; readonly deeds: Deed[] }>();
  for (const deed of types.flatMap(({ deeds }) => deeds)) {
    const id = `${capitalize(serviceOf(deed))}By${capitalize(deed.by)}`;
    const right = rights.get(id) ?? { by: deed.by, deeds: [] };
    right.deeds.push(deed);
    rights.set(id, right);
  }
  return [
    { id: 'ReadAnything', actions: reads, on: '*', why: 'AWS limits these reads to no resource' },
    ...[...rights].map(([id, { by, deeds }]) => ({
      id,
      actions: unique(deeds.flatMap(({ actions }) => actions)),
      on: unique(deeds.flatMap((deed) => deed.on.map((end) => arnEnd(serviceOf(deed), end)))),
      condition: conditionOf(by, deletion),
      why: reasons[by],
    })),
  ];
}

const reasons: Readonly<Record<Limit, string>> = {
  tags: 'only what bears the tags of this environment',
  cluster: 'only what EKS made for this cluster, and tagged with its name',
  domain: 'only the record of this name',
  name: 'the name of this environment stands in it',
  company: 'it says nothing by itself: what it belongs to is limited',
};

function conditionOf(by: Limit, { domain, ...place }: Deletion): Condition | undefined {
  const { stack, cluster } = namesOf(place);
  switch (by) {
    case 'tags':
      return { StringEquals: resourceTags(tagsOf(place, stack)) };
    case 'cluster':
      return { StringEquals: resourceTags({ 'aws:eks:cluster-name': cluster }) };
    case 'domain':
      return {
        'ForAllValues:StringEquals': {
          'route53:ChangeResourceRecordSetsActions': ['DELETE'],
          'route53:ChangeResourceRecordSetsNormalizedRecordNames': [domain?.name.toLowerCase()],
        },
      };
    default:
      return undefined;
  }
}

function resourceTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}

function serviceOf({ actions }: Deed): string {
  return actions[0]?.split(':')[0] ?? '';
}

function arnEnd(service: string, end: string): string {
  if (service === 'route53') return `route53:::${end}`;
  if (service === 'iam') return `iam::\${AWS::AccountId}:${end}`;
  return `${service}:\${AWS::Region}:\${AWS::AccountId}:${end}`;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}

function capitalize(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}
