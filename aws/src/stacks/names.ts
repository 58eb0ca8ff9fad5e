import { sha256 } from '../../../src/core/sha256.ts';

/** What the environment is called in the config. */
export interface Place {
  readonly project: string;
  readonly environment: string;
}

/**
 * What an environment's parts are called in an account. All of these are unique within account and region; where a name
 * would have to be unique beyond that, or is too short for ours, CloudFormation makes it, and the tags say whose it is.
 */
export function namesOf({ project, environment }: Place) {
  const name = `${project}-${environment}`;
  return {
    stack: name,
    guardStack: `${name}-guard`,
    cluster: name,
    repository: name,
    /** EKS writes to the group of this name, and makes it anew, without end, where there is none. */
    logGroup: `/aws/eks/${name}/cluster`,
    rolePath: `/causeway/${name}/`,
    /** Beside the environment's, so that what deletes an environment cannot touch its own roles. */
    guardRolePath: `/causeway/guard/${name}/`,
    schedules: shorten(name, longestGroupName),
    schedule: 'time-to-live',
    /** Behind it comes the region: budgets are the account's, in all regions. */
    budget: name,
  };
}

/** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html */
const longestGroupName = 64;

function shorten(name: string, length: number): string {
  if (name.length <= length) return name;
  const hash = sha256(name).slice(0, 8);
  return `${name.slice(0, length - hash.length - 1)}-${hash}`;
}

/** What the environment's stack tells those who connect to it. */
export const outputs = {
  clusterName: 'ClusterName',
  repositoryUri: 'RepositoryUri',
  targetGroupArn: 'TargetGroupArn',
  /** Where the load balancer's connections to replicas come from: CIDR blocks, joined by commas. */
  loadBalancerCidrs: 'LoadBalancerCidrs',
  loadBalancerName: 'LoadBalancerName',
  url: 'Url',
  vpcId: 'VpcId',
} as const;
