import { Fn, type Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as eks from 'aws-cdk-lib/aws-eks';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { accept } from './accept.ts';
import { type Network, vpcCidr } from './network.ts';

/** A name of your own, in a hosted zone of the same account. */
export interface Domain {
  readonly name: string;
  readonly hostedZoneId: string;
}

export interface LoadBalancerOptions {
  readonly network: Network;
  readonly cluster: eks.CfnCluster;
  readonly clusterName: string;
  readonly service: { readonly port: number; readonly readyPath: string };
  readonly domain?: Domain;
}

export interface LoadBalancer {
  readonly balancer: elb.CfnLoadBalancer;
  readonly targetGroup: elb.CfnTargetGroup;
  readonly url: string;
}

/**
 * What the public URL leads to. It is the stack's and not a controller's: it is made while the cluster is, its name is
 * known early, and it goes with the stack. The cluster registers its pods in the target group.
 */
export function makeLoadBalancer(stack: Stack, options: LoadBalancerOptions): LoadBalancer {
  const { network, domain } = options;
  const balancer = new elb.CfnLoadBalancer(stack, 'LoadBalancer', {
    type: 'application',
    scheme: 'internet-facing',
    subnets: [...network.loadBalancerSubnetIds],
    securityGroups: [makeSecurityGroup(stack, options).attrGroupId],
    loadBalancerAttributes: attributesOf({
      'idle_timeout.timeout_seconds': idleSeconds,
      'routing.http.drop_invalid_header_fields.enabled': true,
    }),
  });
  for (const needed of network.loadBalancerRoutes) balancer.addResourceDependency(needed);
  accept(balancer, {
    'AwsSolutions-ELB2':
      'access logs need a bucket, which an environment that goes without a trace would have to keep or to empty',
  });
  const targetGroup = makeTargetGroup(stack, options);
  const forward = { type: 'forward', targetGroupArn: targetGroup.ref };
  const loadBalancerArn = balancer.ref;
  if (domain === undefined) {
    new elb.CfnListener(stack, 'HttpListener', {
      loadBalancerArn,
      port: 80,
      protocol: 'HTTP',
      defaultActions: [forward],
    });
    return { balancer, targetGroup, url: Fn.join('', ['http://', balancer.attrDnsName, '/']) };
  }
  new elb.CfnListener(stack, 'HttpListener', {
    loadBalancerArn,
    port: 80,
    protocol: 'HTTP',
    defaultActions: [redirect],
  });
  new elb.CfnListener(stack, 'HttpsListener', {
    loadBalancerArn,
    port: 443,
    protocol: 'HTTPS',
    certificates: [{ certificateArn: makeCertificate(stack, domain).ref }],
    sslPolicy,
    defaultActions: [forward],
  });
  makeRecord(stack, domain, balancer);
  return { balancer, targetGroup, url: `https://${domain.name}/` };
}

/** Less than a replica keeps a connection open: a request must not meet a connection that is being closed. */
const idleSeconds = 60;
/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html */
const sslPolicy = 'ELBSecurityPolicy-TLS13-1-2-2021-06';
const redirect = {
  type: 'redirect',
  redirectConfig: { protocol: 'HTTPS', port: '443', statusCode: 'HTTP_301' },
};

/** The internet comes in at the listeners' ports, and goes on to the service's port alone. */
function makeSecurityGroup(stack: Stack, options: LoadBalancerOptions): ec2.CfnSecurityGroup {
  const { network, cluster, service, domain } = options;
  const { port } = service;
  const ports = domain === undefined ? [80] : [80, 443];
  const group = new ec2.CfnSecurityGroup(stack, 'LoadBalancerSecurityGroup', {
    groupDescription: 'The load balancer: from the internet to the service',
    vpcId: network.vpcId,
    securityGroupIngress: ports.map((from) =>
      tcp(from, { cidrIp: '0.0.0.0/0', description: 'the internet' }),
    ),
    securityGroupEgress: [tcp(port, { cidrIp: vpcCidr, description: 'replicas' })],
  });
  accept(group, { 'AwsSolutions-EC23': 'it is the public URL of the service' });
  new ec2.CfnSecurityGroupIngress(stack, 'ReplicaIngress', {
    groupId: cluster.attrClusterSecurityGroupId,
    sourceSecurityGroupId: group.attrGroupId,
    ...tcp(port, { description: 'the load balancer' }),
  });
  return group;
}

function tcp<More extends object>(port: number, more: More) {
  return { ipProtocol: 'tcp', fromPort: port, toPort: port, ...more };
}

/** How long a replica that leaves may finish what is in flight; longer only slows rollouts, and 300 s is the default. */
export const deregistrationSeconds = 30;

function makeTargetGroup(
  stack: Stack,
  { network, clusterName, service }: LoadBalancerOptions,
): elb.CfnTargetGroup {
  return new elb.CfnTargetGroup(stack, 'TargetGroup', {
    vpcId: network.vpcId,
    targetType: 'ip',
    protocol: 'HTTP',
    port: service.port,
    healthCheckPath: service.readyPath,
    healthCheckIntervalSeconds: 5,
    healthCheckTimeoutSeconds: 2,
    healthyThresholdCount: 2,
    unhealthyThresholdCount: 2,
    matcher: { httpCode: '200-399' },
    targetGroupAttributes: attributesOf({ 'deregistration_delay.timeout_seconds': deregistrationSeconds }),
    // The policy of Auto Mode lets a cluster register targets only where its name stands:
    // https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEKSLoadBalancingPolicy.html
    tags: [{ key: 'eks:eks-cluster-name', value: clusterName }],
  });
}

/** It validates itself by a record in the hosted zone; without the zone's id the stack would wait for hours. */
function makeCertificate(stack: Stack, { name, hostedZoneId }: Domain): acm.CfnCertificate {
  return new acm.CfnCertificate(stack, 'Certificate', {
    domainName: name,
    validationMethod: 'DNS',
    domainValidationOptions: [{ domainName: name, hostedZoneId }],
  });
}

function makeRecord(stack: Stack, { name, hostedZoneId }: Domain, balancer: elb.CfnLoadBalancer): void {
  new route53.CfnRecordSet(stack, 'Record', {
    name,
    type: 'A',
    hostedZoneId,
    aliasTarget: {
      dnsName: balancer.attrDnsName,
      hostedZoneId: balancer.attrCanonicalHostedZoneId,
      evaluateTargetHealth: false,
    },
  });
}

function attributesOf(values: Readonly<Record<string, number | boolean>>) {
  return Object.entries(values).map(([key, value]) => ({ key, value: String(value) }));
}
