import type { ILimitRange } from 'kubernetes-models/v1';
import type { Finding } from '../../core/target.ts';
import { showCpu, showMemory, toMilli } from './quantity.ts';
import type { PodNeeds } from './quotas.ts';

type Item = NonNullable<ILimitRange['spec']>['limits'][number];

/** What a pod asks for once the namespace's LimitRanges have filled in the limits that it leaves open. */
export function withDefaults(needs: PodNeeds, ranges: readonly ILimitRange[]): PodNeeds {
  const items = ranges.flatMap(({ spec }) => spec?.limits ?? []).filter(({ type }) => type === 'Container');
  const filled = (resource: 'cpu' | 'memory') => {
    const given = items.map((item) => item.default?.[resource] ?? item.max?.[resource]);
    const found = given.find((quantity) => quantity !== undefined);
    return needs.limits[resource] ?? (found === undefined ? undefined : toMilli(found));
  };
  return { ...needs, limits: { cpu: filled('cpu'), memory: filled('memory') } };
}

/** What the namespace's LimitRanges would refuse of a pod of ours, which has one container. */
export function findLimitProblems(needs: PodNeeds, ranges: readonly ILimitRange[]): readonly Finding[] {
  const filled = withDefaults(needs, ranges);
  const items = ranges.flatMap(({ metadata, spec }) =>
    (spec?.limits ?? []).map((item) => ({ item, range: metadata?.name ?? '' })),
  );
  const broken = items
    .filter(({ item }) => item.type === 'Container' || item.type === 'Pod')
    .flatMap(({ item, range }) =>
      (['cpu', 'memory'] as const).flatMap((resource) => {
        const why = breaks(item, resource, filled);
        return why === undefined ? [] : [refused(range, why)];
      }),
    );
  return [...broken, ...beyondOwnLimit(filled)];
}

function breaks(item: Item, resource: 'cpu' | 'memory', { requests, limits }: PodNeeds): string | undefined {
  const show = resource === 'cpu' ? showCpu : showMemory;
  const request = requests[resource];
  const limit = limits[resource];
  const min = item.min?.[resource];
  const max = item.max?.[resource];
  const ratio = item.maxLimitRequestRatio?.[resource];
  if (min !== undefined && request < toMilli(min))
    return `asks for at least ${min} ${resource}, and a replica has ${show(request)}`;
  if (max !== undefined && Math.max(request, limit ?? request) > toMilli(max))
    return `allows ${max} ${resource} at most, and a replica takes up to ${show(Math.max(request, limit ?? request))}`;
  if (ratio !== undefined && limit !== undefined && limit * 1000 > request * toMilli(ratio))
    return `allows a limit of ${ratio} times the promised ${resource}, and a replica has ${show(limit)} over ${show(request)}`;
  return undefined;
}

/** A default that is less than what is promised makes a pod that is not valid. */
function beyondOwnLimit({ requests, limits }: PodNeeds): readonly Finding[] {
  if (limits.cpu === undefined || limits.cpu >= requests.cpu) return [];
  const message = `the namespace limits a container to ${showCpu(limits.cpu)} cpu by default, and a replica is promised ${showCpu(requests.cpu)}`;
  return [{ isProblem: true, message, hint: 'write resources.cpuLimit in causeway.config.ts' }];
}

function refused(range: string, why: string): Finding {
  return {
    isProblem: true,
    message: `LimitRange ${range} ${why}`,
    hint: 'change resources in causeway.config.ts, or ask for another LimitRange',
  };
}
