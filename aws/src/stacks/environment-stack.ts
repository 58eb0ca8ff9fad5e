import { CfnOutput, LegacyStackSynthesizer, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { makeCluster } from './cluster.ts';
import { type Domain, makeLoadBalancer } from './load-balancer.ts';
import { namesOf, outputs, type Place } from './names.ts';
import { loadBalancerCidrs, makeNetwork } from './network.ts';
import { makeRegistry } from './registry.ts';
import { tagAll } from './tags.ts';

export interface EnvironmentProps extends Place {
  /** Nodes in public subnets without NAT, or in private ones with it. */
  readonly network: 'public' | 'private';
  /**
   * Two zones that EKS serves; without them, the region's first two. It does not serve all of us-east-1, us-west-1 and
   * ca-central-1: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
   */
  readonly zones?: readonly [string, string];
  readonly kubernetesVersion: string;
  /** CIDR blocks from which the API server is reached. */
  readonly allowApiFrom: readonly string[];
  /** ARNs of the IAM users and roles that may do everything in the cluster; the caller's is one of them. */
  readonly admins: readonly string[];
  readonly service: { readonly port: number; readonly readyPath: string };
  readonly domain?: Domain;
}

/**
 * Everything of an environment that costs money or holds anything: network, cluster, registry, load balancer. It is the
 * same template for every account and region, and nothing is looked up to make it.
 */
export class EnvironmentStack extends Stack {
  constructor(scope: Construct, props: EnvironmentProps) {
    const names = namesOf(props);
    super(scope, names.stack, {
      stackName: names.stack,
      description: `Causeway: the environment ${props.environment} of ${props.project}`,
      synthesizer: new LegacyStackSynthesizer(),
    });
    const { zones, service, domain, admins, allowApiFrom, kubernetesVersion } = props;
    tagAll(this, props);
    const network = makeNetwork(this, { kind: props.network, name: names.stack, zones });
    const cluster = makeCluster(this, { names, network, admins, allowApiFrom, kubernetesVersion });
    const registry = makeRegistry(this, names.repository);
    const { balancer, targetGroup, url } = makeLoadBalancer(this, {
      network,
      cluster,
      clusterName: names.cluster,
      service,
      domain,
    });
    tell(this, {
      clusterName: cluster.ref,
      repositoryUri: registry.attrRepositoryUri,
      targetGroupArn: targetGroup.ref,
      loadBalancerCidrs: loadBalancerCidrs.join(','),
      loadBalancerName: balancer.attrDnsName,
      url,
      vpcId: network.vpcId,
    });
  }
}

function tell(stack: Stack, values: Readonly<Record<keyof typeof outputs, string>>): void {
  for (const key of Object.keys(outputs) as (keyof typeof outputs)[])
    new CfnOutput(stack, outputs[key], { value: values[key] });
}
