import type { Stack } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';

/**
 * A release is an index, a manifest for each platform, and what is attached to it. Whatever is deployed is among the last
 * releases, and has to be pulled again when a node is replaced, whether a tag names it or not; so the oldest go, and
 * only beyond what some hundred rollouts leave.
 */
const keptImages = 1000;

/** Where the environment's images lie; they go with it. */
export function makeRegistry(stack: Stack, repositoryName: string): ecr.CfnRepository {
  return new ecr.CfnRepository(stack, 'Repository', {
    repositoryName,
    emptyOnDelete: true,
    imageScanningConfiguration: { scanOnPush: true },
    // Nothing is deployed by a tag: what is attached to an image grows under one, and the agent's moves.
    imageTagMutability: 'MUTABLE',
    lifecyclePolicy: { lifecyclePolicyText: JSON.stringify({ rules: [expiry] }) },
  });
}

const expiry = {
  rulePriority: 1,
  description: `keep the newest ${keptImages}`,
  selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: keptImages },
  action: { type: 'expire' },
};
