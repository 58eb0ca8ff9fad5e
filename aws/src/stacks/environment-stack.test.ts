import { beforeAll, expect, test } from 'bun:test';
import { EnvironmentStack } from './environment-stack.ts';
import { domain, environmentProps, type Synthesized, synthesize, type Template } from './fixtures.ts';

let made: Synthesized;
beforeAll(() => {
  made = synthesize({
    default: (scope) => new EnvironmentStack(scope, environmentProps()),
    private: (scope) => new EnvironmentStack(scope, environmentProps({ network: 'private' })),
    domain: (scope) => new EnvironmentStack(scope, environmentProps({ domain })),
    zoned: (scope) =>
      new EnvironmentStack(
        scope,
        environmentProps({ network: 'private', zones: ['us-east-1b', 'us-east-1d'] }),
      ),
    shared: (scope) =>
      new EnvironmentStack(
        scope,
        environmentProps({
          admins: [
            'arn:aws:iam::123456789012:role/ci',
            ...environmentProps().admins,
            ...environmentProps().admins,
          ],
          allowApiFrom: ['0.0.0.0/0'],
        }),
      ),
  });
}, 60_000);

test('an environment is this template', () => {
  expect(templateOf('default')).toMatchSnapshot();
});

test('a private network puts nodes behind one NAT gateway, and changes nothing else', () => {
  expect(differenceOf('default', 'private')).toMatchInlineSnapshot(`
    [
      "+ AWS::EC2::EIP NatAddress",
      "+ AWS::EC2::NatGateway NatGateway",
      "+ AWS::EC2::Route PrivateRoute",
      "+ AWS::EC2::RouteTable PrivateRoutes",
      "+ AWS::EC2::Subnet NatSubnet",
      "~ AWS::EC2::Subnet NodeSubnet0",
      "~ AWS::EC2::Subnet NodeSubnet1",
      "+ AWS::EC2::SubnetRouteTableAssociation NatSubnetRoutes",
      "~ AWS::EC2::SubnetRouteTableAssociation NodeSubnet0Routes",
      "~ AWS::EC2::SubnetRouteTableAssociation NodeSubnet1Routes",
      "~ AWS::EKS::Cluster Cluster",
    ]
  `);
});

test('a domain brings a certificate, HTTPS, a redirect and a record, and changes nothing else', () => {
  expect(differenceOf('default', 'domain')).toMatchInlineSnapshot(`
    [
      "+ AWS::CertificateManager::Certificate Certificate",
      "~ AWS::EC2::SecurityGroup LoadBalancerSecurityGroup",
      "~ AWS::ElasticLoadBalancingV2::Listener HttpListener",
      "+ AWS::ElasticLoadBalancingV2::Listener HttpsListener",
      "+ AWS::Route53::RecordSet Record",
      "~ Url",
    ]
  `);
});

test('who else is let in has an entry of their own, and nobody has two', () => {
  expect(differenceOf('default', 'shared')).toMatchInlineSnapshot(`
    [
      "+ AWS::EKS::AccessEntry Accessfe6c5c08",
      "~ AWS::EKS::Cluster Cluster",
    ]
  `);
});

test('zones that are named are where every subnet lies', () => {
  const subnets = Object.values(templateOf('zoned').Resources).filter(
    ({ Type }) => Type === 'AWS::EC2::Subnet',
  );
  const zones = subnets.map(({ Properties }) => Properties.AvailabilityZone).sort();

  expect(zones).toEqual(['us-east-1b', 'us-east-1b', 'us-east-1b', 'us-east-1d', 'us-east-1d']);
});

test('no variant leaves a finding', () => {
  expect(made.findings).toEqual([]);
});

test('nothing is asked of AWS to make the template, and it fits every account and region', () => {
  const text = JSON.stringify(templateOf('domain'));

  expect(text).not.toContain('us-east-1');
  expect(text).not.toMatch(/dummy|arn:aws:(?!iam::123456789012:user\/ann)/);
  expect(Object.keys(templateOf('domain'))).not.toContain('Parameters');
});

test('what has an address in the internet goes before the way there', () => {
  const open = templateOf('default').Resources;
  const closed = templateOf('private').Resources;

  expect(open.Cluster?.DependsOn).toContain('PublicRoute');
  expect(closed.Cluster?.DependsOn).toContain('PrivateRoute');
  for (const { LoadBalancer } of [open, closed]) expect(LoadBalancer?.DependsOn).toContain('PublicRoute');
});

function templateOf(variant: string): Template {
  const template = made.templates[variant];
  if (template === undefined) throw new Error(`no variant ${variant}`);
  return template;
}

/** Resources and outputs by name: `+` only in the second, `-` only in the first, `~` in both and not alike. */
function differenceOf(first: string, second: string): readonly string[] {
  const [before, after] = [partsOf(first), partsOf(second)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    if (!(name in before)) return [`+ ${name}`];
    if (!(name in after)) return [`- ${name}`];
    return Bun.deepEquals(before[name], after[name]) ? [] : [`~ ${name}`];
  });
}

function partsOf(variant: string): Readonly<Record<string, unknown>> {
  const { Resources, Outputs } = templateOf(variant);
  const resources = Object.entries(Resources).map(([name, resource]) => [
    `${resource.Type} ${name}`,
    resource,
  ]);
  return Object.fromEntries([...resources, ...Object.entries(Outputs)]);
}
