import type { Stack } from 'aws-cdk-lib';
import * as eks from 'aws-cdk-lib/aws-eks';
import * as logs from 'aws-cdk-lib/aws-logs';
import { sha256 } from '../../../src/core/sha256.ts';
import { accept, ownRule } from './accept.ts';
import { arn } from './arn.ts';
import type { namesOf } from './names.ts';
import type { Network } from './network.ts';
import { makeRole } from './roles.ts';

/** In standard support until 14 months after EKS had it: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html */
export const kubernetesVersion = '1.36';

export interface ClusterOptions {
  readonly names: ReturnType<typeof namesOf>;
  readonly network: Network;
  readonly kubernetesVersion: string;
  /** Who may reach the API server from outside, as CIDR blocks. */
  readonly allowApiFrom: readonly string[];
  /** ARNs of IAM users and roles; each may do everything in the cluster. */
  readonly admins: readonly string[];
}

/** https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html */
const clusterPolicies = [
  'AmazonEKSClusterPolicy',
  'AmazonEKSComputePolicy',
  'AmazonEKSBlockStoragePolicy',
  'AmazonEKSLoadBalancingPolicy',
  'AmazonEKSNetworkingPolicy',
];
/** https://docs.aws.amazon.com/eks/latest/userguide/auto-create-node-role.html */
const nodePolicies = ['AmazonEKSWorkerNodeMinimalPolicy', 'AmazonEC2ContainerRegistryPullOnly'];
const logTypes = ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'];
const logRetentionDays = 30;

/**
 * EKS in Auto Mode, with nothing in it: no Kubernetes object is CloudFormation's, for those are what deletion hangs on.
 */
export function makeCluster(stack: Stack, options: ClusterOptions): eks.CfnCluster {
  const { names, network, allowApiFrom } = options;
  const { rolePath: path } = names;
  const role = makeRole(stack, {
    id: 'ClusterRole',
    path,
    description: `What EKS may do for the cluster ${names.cluster}`,
    trust: { service: 'eks.amazonaws.com', actions: ['sts:AssumeRole', 'sts:TagSession'] },
    managed: clusterPolicies,
  });
  const nodeRole = makeRole(stack, {
    id: 'NodeRole',
    path,
    description: `What nodes of the cluster ${names.cluster} may do: join it, and pull images`,
    trust: { service: 'ec2.amazonaws.com' },
    managed: nodePolicies,
  });
  const logGroup = new logs.CfnLogGroup(stack, 'ControlPlaneLogs', {
    logGroupName: names.logGroup,
    retentionInDays: logRetentionDays,
  });
  const cluster = new eks.CfnCluster(stack, 'Cluster', {
    name: names.cluster,
    version: options.kubernetesVersion,
    roleArn: role.attrArn,
    accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: false },
    bootstrapSelfManagedAddons: false,
    // Auto Mode is these three, all on or all off. The pool `system` would be a second node.
    computeConfig: { enabled: true, nodePools: ['general-purpose'], nodeRoleArn: nodeRole.attrArn },
    storageConfig: { blockStorage: { enabled: true } },
    kubernetesNetworkConfig: { ipFamily: 'ipv4', elasticLoadBalancing: { enabled: true } },
    resourcesVpcConfig: {
      subnetIds: [...network.nodeSubnetIds],
      endpointPublicAccess: true,
      endpointPrivateAccess: true,
      publicAccessCidrs: [...allowApiFrom],
    },
    logging: { clusterLogging: { enabledTypes: logTypes.map((type) => ({ type })) } },
    // Extended support costs six times as much an hour; without it, EKS upgrades the cluster in the end.
    upgradePolicy: { supportType: 'STANDARD' },
  });
  acceptFindings(cluster, allowApiFrom);
  // Made first, or EKS makes one that keeps everything for ever; and nodes leave before their way out does.
  for (const needed of [logGroup, ...network.nodeRoutes]) cluster.addResourceDependency(needed);
  makeAccessEntries(stack, cluster, options.admins);
  return cluster;
}

function acceptFindings(cluster: eks.CfnCluster, allowApiFrom: readonly string[]): void {
  accept(cluster, {
    'AwsSolutions-EKS1':
      'the command reaches the API server from outside: from the addresses in allowApiFrom alone',
  });
  if (!allowApiFrom.some((cidr) => cidr.endsWith('/0'))) return;
  accept(cluster, { [ownRule('api_endpoint_is_closed')]: 'allowApiFrom of the config asks for it' });
}

const adminPolicy = 'AmazonEKSClusterAdminPolicy';

/** Named after whom they let in: by their order, one more would replace others, and EKS lets nobody in twice. */
function makeAccessEntries(stack: Stack, cluster: eks.CfnCluster, admins: readonly string[]): void {
  for (const principalArn of new Set(admins)) {
    const id = sha256(principalArn).slice(0, 8);
    new eks.CfnAccessEntry(stack, `Access${id}`, {
      clusterName: cluster.ref,
      principalArn,
      type: 'STANDARD',
      accessPolicies: [
        {
          policyArn: arn(`eks::aws:cluster-access-policy/${adminPolicy}`),
          accessScope: { type: 'cluster' },
        },
      ],
    });
  }
}
