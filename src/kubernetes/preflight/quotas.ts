import type { IResourceQuota } from 'kubernetes-models/v1';
import type { Finding } from '../../core/target.ts';
import { showCpu, showMemory, toMilli } from './quantity.ts';
import type { Share } from './room.ts';

export interface PodNeeds {
  readonly requests: Share;
  /** Undefined: no limit, which a quota on limits refuses. */
  readonly limits: { readonly cpu: number | undefined; readonly memory: number | undefined };
}

export interface QuotaOptions {
  readonly quotas: readonly IResourceQuota[];
  /** How many pods more. */
  readonly count: number;
  readonly each: PodNeeds;
  /** It is not replicas, but what watches the rollout. */
  readonly isAgent?: boolean;
}

/** What the namespace's quotas would refuse of so many pods more. */
export function findQuotaProblems({
  quotas,
  count,
  each,
  isAgent = false,
}: QuotaOptions): readonly Finding[] {
  return quotas.filter(concernsUs).flatMap(({ metadata, spec, status }) =>
    Object.entries(status?.hard ?? spec?.hard ?? {}).flatMap(([resource, hard]) => {
      const rule = rules[resource];
      if (!rule) return [];
      const name = metadata?.name ?? '';
      const one = rule.of(each);
      // Without its agent a rollout must stay attended, and goes on.
      if (one === undefined) return isAgent ? [] : [noLimit(name, resource)];
      const used = toMilli(status?.used?.[resource]);
      if (used + count * one <= toMilli(hard)) return [];
      return [tooMuch(name, resource, { used, more: count * one, hard: toMilli(hard), isAgent }, rule)];
    }),
  );
}

interface Rule {
  readonly of: (needs: PodNeeds) => number | undefined;
  readonly show: (milli: number) => string;
}

const showCount = (milli: number) => String(milli / 1000);
const pods: Rule = { of: () => 1000, show: showCount };
const cpu: Rule = { of: ({ requests }) => requests.cpu, show: showCpu };
const memory: Rule = { of: ({ requests }) => requests.memory, show: showMemory };
const rules: Readonly<Record<string, Rule>> = {
  pods,
  'count/pods': pods,
  cpu,
  'requests.cpu': cpu,
  memory,
  'requests.memory': memory,
  'limits.cpu': { of: ({ limits }) => limits.cpu, show: showCpu },
  'limits.memory': { of: ({ limits }) => limits.memory, show: showMemory },
};

/** Our pods are promised something, and have no end; a quota for a priority class is none of theirs. */
function concernsUs({ spec }: IResourceQuota): boolean {
  const named = spec?.scopeSelector?.matchExpressions ?? [];
  const scopes = [...(spec?.scopes ?? []), ...named.map(({ scopeName }) => scopeName)];
  return scopes.every((scope) => scope === 'NotBestEffort' || scope === 'NotTerminating');
}

function tooMuch(
  quota: string,
  resource: string,
  {
    used,
    more,
    hard,
    isAgent,
  }: { readonly used: number; readonly more: number; readonly hard: number; readonly isAgent: boolean },
  { show }: Rule,
): Finding {
  const who = isAgent ? 'the agent that watches a rollout needs' : 'both releases together need';
  return {
    isProblem: true,
    message: `quota ${quota} has room for ${show(Math.max(0, hard - used))} of ${resource} (${show(used)} of ${show(hard)} are used), and ${who} ${show(more)} more`,
    hint: 'ask for a larger quota, or lower resources or replicas in causeway.config.ts',
  };
}

function noLimit(quota: string, resource: string): Finding {
  return {
    isProblem: true,
    message: `quota ${quota} limits ${resource}, and refuses pods that have no such limit`,
    hint: 'write resources.cpuLimit in causeway.config.ts, or ask for a LimitRange with a default',
  };
}
