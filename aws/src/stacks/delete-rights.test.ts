import { beforeAll, expect, test } from 'bun:test';
import { deleteRights, deletingRights, type TypeRights } from './delete-rights.ts';
import { EnvironmentStack } from './environment-stack.ts';
import { domain, environmentProps, place, type Synthesized, synthesize } from './fixtures.ts';

/** What the schema of a type says that deleting it takes, as CloudFormation publishes it (in cfn-lint 1.58.0). */
const published: Readonly<Record<string, string>> = {
  'AWS::CertificateManager::Certificate':
    'acm:DeleteCertificate acm:DescribeCertificate acm:RemoveTagsFromCertificate',
  'AWS::EC2::EIP': 'ec2:ReleaseAddress ec2:DescribeAddresses ec2:DisassociateAddress',
  'AWS::EC2::InternetGateway': 'ec2:DeleteInternetGateway ec2:DescribeInternetGateways',
  'AWS::EC2::NatGateway': 'ec2:DeleteNatGateway ec2:DescribeNatGateways',
  'AWS::EC2::Route': 'ec2:DeleteRoute ec2:DescribeRouteTables',
  'AWS::EC2::RouteTable': 'ec2:DescribeRouteTables ec2:DeleteRouteTable',
  'AWS::EC2::SecurityGroup': 'ec2:DescribeSecurityGroups ec2:DeleteSecurityGroup ec2:DescribeInstances',
  'AWS::EC2::SecurityGroupIngress': 'ec2:DescribeSecurityGroupRules ec2:RevokeSecurityGroupIngress',
  'AWS::EC2::Subnet': 'ec2:DescribeSubnets ec2:DeleteSubnet',
  'AWS::EC2::SubnetRouteTableAssociation':
    'ec2:DisassociateRouteTable ec2:DescribeSubnets ec2:DescribeRouteTables',
  'AWS::EC2::VPC': 'ec2:DeleteVpc ec2:DescribeVpcs',
  'AWS::EC2::VPCGatewayAttachment':
    'ec2:DetachInternetGateway ec2:DetachVpnGateway ec2:DescribeInternetGateways ec2:DescribeVpnGateways',
  'AWS::ECR::Repository': 'ecr:DeleteRepository kms:RetireGrant',
  'AWS::EKS::AccessEntry': 'eks:DeleteAccessEntry eks:DescribeAccessEntry',
  'AWS::EKS::Cluster': 'eks:DeleteCluster eks:DescribeCluster',
  'AWS::ElasticLoadBalancingV2::Listener':
    'elasticloadbalancing:DeleteListener elasticloadbalancing:DescribeListeners',
  'AWS::ElasticLoadBalancingV2::LoadBalancer':
    'elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DeleteLoadBalancer',
  'AWS::ElasticLoadBalancingV2::TargetGroup':
    'elasticloadbalancing:DeleteTargetGroup elasticloadbalancing:DescribeTargetGroups',
  'AWS::IAM::Role':
    'iam:DeleteRole iam:DetachRolePolicy iam:DeleteRolePolicy iam:GetRole iam:ListAttachedRolePolicies iam:ListRolePolicies iam:TagRole iam:UntagRole',
  'AWS::Logs::LogGroup': 'logs:DescribeLogGroups logs:DeleteLogGroup logs:DeleteDataProtectionPolicy',
  'AWS::Route53::RecordSet':
    'route53:ListHostedZones route53:GetChange route53:ChangeResourceRecordSets route53:ListResourceRecordSets route53:GetHostedZone',
};

let made: Synthesized;
beforeAll(() => {
  made = synthesize({
    public: (scope) => new EnvironmentStack(scope, environmentProps({ domain })),
    private: (scope) => new EnvironmentStack(scope, environmentProps({ domain, network: 'private' })),
  });
}, 60_000);

const rights = deleteRights({ ...place, domain });

test('the delete role knows every type that an environment consists of, and no other', () => {
  const types = Object.values(made.templates).flatMap(({ Resources }) =>
    Object.values(Resources).map(({ Type }) => Type),
  );

  expect(rights.map(({ type }) => type).sort()).toEqual([...new Set(types)].sort());
});

for (const right of rights) {
  test(`deleting ${right.type} is given what its schema names, or the reason why not`, () => {
    const named = [...given(right), ...Object.keys(right.leftOut ?? {})].sort();

    expect(named).toEqual((published[right.type] ?? '').split(' ').sort());
    expect(right.source).toStartWith('https://docs.aws.amazon.com/service-authorization/');
  });
}

test('what it changes is held to the environment, one way or the other', () => {
  const held = deletingRights({ ...place, domain }).map(
    ({ id, on, condition }) => `${id}: ${condition ? Object.keys(Object.values(condition)[0] ?? {}) : on}`,
  );

  expect(held).toMatchInlineSnapshot(`
    [
      "ReadAnything: *",
      "Ec2ByTags: aws:ResourceTag/causeway:project,aws:ResourceTag/causeway:environment,aws:ResourceTag/causeway:stack",
      "Ec2ByCluster: aws:ResourceTag/aws:eks:cluster-name",
      "Ec2ByCompany: ec2:\${AWS::Region}:\${AWS::AccountId}:security-group-rule/*",
      "IamByName: iam::\${AWS::AccountId}:role/causeway/shop-production/*",
      "EksByName: eks:\${AWS::Region}:\${AWS::AccountId}:access-entry/shop-production/*,eks:\${AWS::Region}:\${AWS::AccountId}:cluster/shop-production",
      "EcrByName: ecr:\${AWS::Region}:\${AWS::AccountId}:repository/shop-production",
      "LogsByName: logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/eks/shop-production/cluster,logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/eks/shop-production/cluster:*",
      "ElasticloadbalancingByTags: aws:ResourceTag/causeway:project,aws:ResourceTag/causeway:environment,aws:ResourceTag/causeway:stack",
      "AcmByTags: aws:ResourceTag/causeway:project,aws:ResourceTag/causeway:environment,aws:ResourceTag/causeway:stack",
      "Route53ByDomain: route53:ChangeResourceRecordSetsActions,route53:ChangeResourceRecordSetsNormalizedRecordNames",
      "Route53ByName: route53:::hostedzone/Z0123456789ABCDEFGHIJ",
      "Route53ByCompany: route53:::change/*",
    ]
  `);
});

test('without a domain, it has no right to any hosted zone or certificate', () => {
  const actions = deletingRights(place).flatMap((right) => right.actions);

  expect(actions.filter((action) => /^(route53|acm):/.test(action))).toEqual([]);
});

test('it can create nothing', () => {
  const actions = deletingRights({ ...place, domain }).flatMap((right) => right.actions);
  const verbs = [...new Set(actions.map((action) => action.replace(/^.*:([A-Z][a-z]+).*$/, '$1')))].sort();

  expect(verbs.join(' ')).toBe(
    'Change Delete Describe Detach Disassociate Get List Release Remove Revoke Tag Untag',
  );
});

function given({ reads, deeds }: TypeRights): readonly string[] {
  return [...new Set([...reads, ...deeds.flatMap(({ actions }) => actions)])];
}
