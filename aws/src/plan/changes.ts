import { fullDiff, ResourceImpact } from '@aws-cdk/cloudformation-diff';
import type { ResourceChange } from '../../../src/core/cloud.ts';
import type { Template } from '../deploy/stack.ts';

/** What one template would change in a stack that was made from another; nothing is asked of AWS. */
export function changesBetween(
  stack: string,
  from: Template | undefined,
  to: Template,
): readonly ResourceChange[] {
  const changes: ResourceChange[] = [];
  fullDiff(from ?? {}, to).resources.forEachDifference((resource, difference) => {
    const action = actions[difference.changeImpact];
    if (action === undefined) return;
    const type = difference.newResourceType ?? difference.oldResourceType ?? '';
    changes.push({
      stack,
      resource,
      type,
      action,
      fields: action === 'create' || action === 'delete' ? [] : Object.keys(difference.propertyUpdates),
      isAccess: isAccess(type),
    });
  });
  return changes;
}

const actions: Readonly<Partial<Record<ResourceImpact, ResourceChange['action']>>> = {
  [ResourceImpact.WILL_CREATE]: 'create',
  [ResourceImpact.WILL_UPDATE]: 'update',
  [ResourceImpact.MAY_REPLACE]: 'replace',
  [ResourceImpact.WILL_REPLACE]: 'replace',
  [ResourceImpact.WILL_DESTROY]: 'delete',
};

/** Who may do what, and who gets in from where. */
function isAccess(type: string): boolean {
  return /^AWS::(IAM::|EKS::AccessEntry|EKS::PodIdentity|EC2::SecurityGroup)/.test(type);
}
